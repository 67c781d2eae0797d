import Files

/// The names of a training set's classes, in the order of a model's logits, read from what people have of them.
package enum ClassNames {
    private static let mostTextBytes = 1 << 24

    /// - Parameter path: the folder of training images, or the data set's; an index of training images; or a text with
    ///   a name first in each line, such as ImageNet's `LOC_synset_mapping.txt`. Names from a text or a folder are
    ///   sorted by their bytes, as torchvision's `ImageFolder` numbers classes, in whatever order the lines are.
    package static func read(_ path: String) throws(DatasetError) -> [String] {
        let kind: FileKind?
        do throws(FileError) { kind = try FileKind(of: path) } catch { throw .file(error) }
        if kind == .directory { return try DatasetEntry.trainedClasses(in: path) }
        let names =
            path.hasSuffix(".index")
            ? try IndexFile.index(IndexFile.read(path), from: path).classes : try lines(of: path)
        guard !names.isEmpty, names.count <= SampleIndex.mostClasses else {
            throw .stated("\(path) names \(names.count) classes, from 1 to \(SampleIndex.mostClasses) are possible")
        }
        return names
    }

    private static func lines(of path: String) throws(DatasetError) -> [String] {
        var text: String
        do throws(FileError) { text = try InputFile.text(path, limit: mostTextBytes) } catch { throw .file(error) }
        if text.hasPrefix("\u{FEFF}") { text.removeFirst() }
        var lineOf: [String: Int] = [:]
        for (line, content) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            guard let name = content.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "," }).first else {
                continue
            }
            if let other = lineOf.updateValue(line + 1, forKey: String(name)) {
                throw .stated(
                    "\(path):\(line + 1): '\(name.prefix(40))' is in line \(other) already: a list of classes has each "
                        + "name (n01440764) once, first in its line")
            }
        }
        return lineOf.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
