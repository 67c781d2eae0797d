import Datasets
import Files
import Training

/// Where a command's result goes: text for people, and a document for each option that names a file. Rank 0 has one.
package struct CommandOutput {
    private let targets: [OutputTarget]

    /// Looks at every target, before the work begins.
    ///
    /// - Parameters:
    ///   - options: such as `--json`, and the path or `-` that it was given.
    ///   - inputs: files that a result must not be written over.
    package init(_ options: [(option: String, path: String?)], inputs: [String] = []) throws {
        try Console.checkOpen(.output)
        var targets: [OutputTarget] = []
        for (option, path) in options {
            guard let path else { continue }
            let target = try OutputTarget(option: option, path: path)
            if let other = targets.first(where: target.isSame(as:)) {
                throw OutputTarget.Problem(
                    description: "\(other.option) and \(option) write to the same place, \(path); give each its own")
            }
            if inputs.contains(where: { target.isSame(as: $0) }) {
                throw OutputTarget.Problem(
                    description: "\(option) \(path): the command reads this file; name another one for the result")
            }
            if let file = target.existingFile, let content = Self.irreplaceable(file) {
                throw OutputTarget.Problem(
                    description: "\(option) \(path): the file holds \(content); name another one for the result")
            }
            // A new file under this name would replace the text, an old one would hold both interleaved.
            if ["/proc/self/fd/1", "/proc/self/fd/2"].contains(where: { target.isSame(as: $0) }) {
                throw OutputTarget.Problem(
                    description:
                        "\(option) \(path): the command's text is redirected to this file; name another one, or - for "
                        + "standard output")
            }
            targets.append(target)
        }
        self.targets = targets
    }

    /// What a file holds that no result may be written over, whatever the command itself reads; nil for any other.
    static func irreplaceable(_ path: String) -> String? {
        let name = FileSystem.lastName(of: path)
        if DatasetEntry.areData(inFileNamed: name) { return "a data set" }
        if name.hasSuffix(".safetensors") { return "weights" }
        return RunFolder.owns(path) ? "a run's settings, records or checkpoints" : nil
    }

    /// Writes all that can be written, whatever fails, then throws the first failure.
    ///
    /// Text for people is on standard error where a document takes standard output, so that `| jq` works.
    package func publish(_ text: String, _ documents: [String: String]) throws {
        var failure: FileError?
        for target in targets {
            guard let document = documents[target.option] else { continue }
            do throws(FileError) { try target.write(document) } catch { failure = failure ?? error }
        }
        let isTaken = targets.contains(where: \.isStandardOutput)
        try Console.print(text, to: isTaken ? .error : .output)
        if let failure { throw failure }
        if isTaken { try Console.checkLauncher() }
    }
}
