import Foundation
import TestSupport
import Testing
import Training

@Suite struct MetricsLogTests {
    /// Records of six steps, between the fourth and the fifth of which something happens to the files.
    private func records(_ folder: TemporaryFolder, _ happening: (MetricsLog) throws -> Void) throws {
        let log = try MetricsLog(stepsPath: folder.file("metrics.jsonl"), epochsPath: folder.file("epochs.csv"))
        try log.append(steps: 1...4)
        try happening(log)
        try log.append(steps: 5...6)
        try log.secure()
    }

    private func steps(_ folder: TemporaryFolder, _ name: String = "metrics.jsonl") throws -> [Int] {
        try folder.text(name).split(separator: "\n").compactMap {
            Int($0.drop { !$0.isNumber }.prefix { $0.isNumber })
        }
    }

    private func rows(_ folder: TemporaryFolder, _ name: String = "epochs.csv") throws -> [Substring] {
        try folder.text(name).split(separator: "\n").map { $0.prefix { $0 != "," } }
    }

    @Test func `an editor's copy gets what was written since it was read`() throws {
        let folder = try TemporaryFolder()
        try records(folder) { _ in
            for (name, lines) in [("metrics.jsonl", 2), ("epochs.csv", 2)] {
                let text = try folder.text(name).split(separator: "\n").prefix(lines).joined(separator: "\n")
                // Written beside it and renamed, by an editor that ends no last line.
                try folder.remove(folder.file(name))
                _ = try folder.write("# mine\n" + text, to: name)
            }
        }
        #expect(try steps(folder) == [1, 2, 3, 4, 5, 6])
        #expect(try rows(folder) == ["# mine", "epoch", "1", "2", "3"])
    }

    @Test func `a file that was moved away keeps its records, the next begin a new one`() throws {
        let folder = try TemporaryFolder()
        try records(folder) { log in
            for name in ["metrics.jsonl", "epochs.csv"] {
                try FileManager.default.moveItem(atPath: folder.file(name), toPath: folder.file(name + ".1"))
            }
        }
        #expect(try steps(folder, "metrics.jsonl.1") + steps(folder) == [1, 2, 3, 4, 5, 6])
        #expect(try rows(folder, "epochs.csv.1") + rows(folder) == ["epoch", "1", "2", "epoch", "3"])
    }

    @Test func `a file that was removed comes back`() throws {
        let folder = try TemporaryFolder()
        try records(folder) { _ in
            for name in ["metrics.jsonl", "epochs.csv"] { try folder.remove(folder.file(name)) }
        }
        #expect(try steps(folder) == [1, 2, 3, 4, 5, 6])
        #expect(try rows(folder) == ["epoch", "1", "2", "3"])
    }

    @Test func `a file that was emptied gets its header again`() throws {
        let folder = try TemporaryFolder()
        try records(folder) { _ in
            for name in ["metrics.jsonl", "epochs.csv"] {
                try FileHandle(forWritingTo: URL(fileURLWithPath: folder.file(name))).truncate(atOffset: 0)
            }
        }
        #expect(try steps(folder) == [5, 6])
        #expect(try rows(folder) == ["epoch", "3"])
    }

    @Test func `a note without a line break is ended before the next record`() throws {
        let folder = try TemporaryFolder()
        try records(folder) { _ in
            for name in ["metrics.jsonl", "epochs.csv"] {
                let file = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.file(name)))
                try file.seekToEnd()
                try file.write(contentsOf: Data("note".utf8))
            }
        }
        #expect(try folder.text("metrics.jsonl").contains("\nnote\n{\"step\":5,"))
        #expect(try rows(folder) == ["epoch", "1", "2", "note", "3"])
    }

    @Test func `a folder in the place of a file is an error that names it`() throws {
        let folder = try TemporaryFolder()
        let said = message {
            try records(folder) { _ in
                try folder.remove(folder.file("metrics.jsonl"))
                try folder.makeFolder("metrics.jsonl")
            }
        }
        #expect(said.contains(folder.file("metrics.jsonl")) && said.contains("directory"))
    }
}
