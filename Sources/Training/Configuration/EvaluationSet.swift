import Datasets
import Files

/// Test images beside those of the run's own data, which every evaluation measures too.
package struct EvaluationSet: Sendable, Equatable {
    /// Ends its columns in `epochs.csv`. A data set's name says how the files are read; with any other they are read as
    /// those of the run's own data set.
    package let name: String
    package var directory: String

    package init(_ name: String, in directory: String) {
        self.name = name
        self.directory = directory
    }

    /// The data set that the name says.
    var dataset: DatasetEntry? { datasetCatalog.entries.first { $0.name == name } }

    var text: String { "\(name)=\(directory)" }

    /// Reads `NAME=DIR, NAME=DIR`. A comma belongs to the folder unless another `NAME=` follows it.
    static func list(_ text: String) throws(Setting.Expected) -> [EvaluationSet] {
        var parts: [(name: Substring, directory: String)] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let start = part.drop(while: \.isWhitespace)
            let name = start.prefix { $0 != "=" }
            if name.count < start.count, isName(name) {
                parts.append((name, String(start.dropFirst(name.count + 1))))
            } else if !parts.isEmpty {
                parts[parts.count - 1].directory += "," + part
            } else {
                throw Setting.Expected("NAME=DIR, or several with commas between them")
            }
        }
        var sets: [EvaluationSet] = []
        for (name, directory) in parts {
            let entry = try? datasetCatalog.entry(String(name))
            sets.append(.init(entry?.name ?? String(name), in: try Setting.pathText(directory)))
        }
        let names = sets.map { $0.name.lowercased() }
        guard Set(names).count == names.count else { throw Setting.Expected("NAME=DIR with a name for each") }
        guard !names.contains(where: { $0 == average || $0.hasSuffix("_\(average)") }) else {
            throw Setting.Expected("NAME=DIR with a name that does not end in '\(average)', as those of averages do")
        }
        return sets
    }

    private static let average = FurtherEvaluation.averageName

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
    }
}
