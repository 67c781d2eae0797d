import CRSAMDist
import Foundation
import Testing
import Training

/// The texts of `Snapshots/`, compared exactly. After a change that is meant,
///
///     RECORD=1 swift test -c release --filter SnapshotTests
///
/// writes them anew; what changed is then read in the diff.
@Suite struct SnapshotTests {
    private static let folder = packageFolder("Tests/CRSAMDistTests/Snapshots")
    private static let isRecording = ProcessInfo.processInfo.environment["RECORD"] == "1"

    private func expect(_ text: String, isSnapshot name: String) throws {
        let path = "\(Self.folder)/\(name).txt"
        let text = text + "\n"
        if Self.isRecording {
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            return
        }
        let recorded = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        if text == recorded { return }
        let (lines, expected) = (text.components(separatedBy: "\n"), recorded.components(separatedBy: "\n"))
        let index = zip(lines, expected).enumerated().first { $1.0 != $1.1 }?.offset ?? min(lines.count, expected.count)
        Issue.record(
            """
            Snapshots/\(name).txt differs from line \(index + 1) on; if that is meant, record it anew (RECORD=1):
            \(index < lines.count ? lines[index] : "(no line)")
            instead of
            \(index < expected.count ? expected[index] : "(no line)")
            """)
    }

    private static let root = Command(words: [])
    /// The program and all its commands, as the help texts list them.
    private static let commands: [Command] = {
        func below(_ command: Command) -> [Command] { [command] + command.subcommands.flatMap(below) }
        return below(root)
    }()

    private static func name(_ command: Command) -> String { (["help"] + command.words).joined(separator: "-") }

    @Test(arguments: commands) func `the help of a command is as recorded`(command: Command) throws {
        let help = try #require(ending(command.words + ["--help"]))
        #expect(help.status == 0)
        try expect(help.text, isSnapshot: Self.name(command))
    }

    @Test func `errors are as recorded`() throws {
        let lines = [
            ["trian"],
            ["evalute"],
            ["train", "extra"],
            ["train", "--rhoo", "0.1"],
            ["train", "--lr", "0.1"],
            ["train", "-epochs", "3"],
            ["train", "--rho"],
            ["train", "--rho", "-1"],
            ["train", "--learning-rate", "fast"],
            ["train", "--nesterov=true"],
            ["train", "--method", "sgd", "--rho", "0.1"],
            ["train", "--method", "sam", "--bn-running-stats", "official"],
            ["train", "--rho", "0", "--alpha", "0.1"],
            ["train", "--alpha", "0", "--beta", "0", "--regularizer", "log"],
            ["train", "--optimizer", "adamw", "--momentum", "0.5"],
            ["train", "--nesterov", "--momentum", "0"],
            ["train", "--batch-size", "8", "--micro-batch-size", "16"],
            ["train", "--batch-size", "8", "--m-sharpness", "16"],
            ["train", "--dataset", "mnist"],
            ["train", "--dataset", "synthetic", "--data", "a/b"],
            ["train", "--config", "no/such.yaml"],
            ["train", "--resume"],
            ["evaluate"],
            ["evaluate", "--checkpoint", "no/such"],
            ["evaluate", "--checkpoint", ""],
            ["models", "--channels", "0"],
            ["models", "--classes", "many"],
            ["models", "--plan", "resnet9"],
            ["models", "--plan", "resnet8", "--precision", "int8"],
            ["models", "--batch-size", "8"],
            ["bench", "stop"],
            ["bench", "step", "--dataset", "mnist"],
            ["bench", "step", "--steps", "0"],
            ["bench", "step", "--epochs", "3"],
            ["bench", "precision", "--at", "-5"],
            ["bench", "precision", "--dataset", "cifar10"],
        ]
        try expect(lines.map(Self.shown).joined(separator: "\n"), isSnapshot: "errors")
    }

    @Test func `the refusal of a wrong value is as recorded, for every setting`() throws {
        // Also of those that this processor does not have.
        let entries = Command.train.options.filter { $0.takesValue && !Command.train.own.contains($0.name) }
        let lines = entries.compactMap { entry in
            // Where any text is a value, none is.
            [["train", "--\(entry.name)", "?"], ["train", "--\(entry.name)", ""]].first { ending($0) != nil }
        }
        #expect(lines.count == entries.count)
        try expect(lines.map(Self.shown).joined(separator: "\n"), isSnapshot: "refusals")
    }

    @Test(.disabled(if: isRecording, "the texts are being written")) func `every recorded text belongs to a test`()
        throws
    {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
        #expect(Set(names) == Set((Self.commands.map(Self.name) + ["errors", "refusals"]).map { "\($0).txt" }))
    }

    private static func shown(_ arguments: [String]) -> String {
        let line = arguments.map { $0.isEmpty ? "''" : $0 }.joined(separator: " ")
        guard let ending = ending(arguments) else { return "$ crsam-dist \(line)\n(no error)" }
        return "$ crsam-dist \(line)\ncrsam-dist: error: \(ending.text)\n(status \(ending.status))"
    }
}
