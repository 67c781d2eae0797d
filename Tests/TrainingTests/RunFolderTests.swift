import TestSupport
import Testing
import Training

extension MetricsLog {
    /// The records of some steps, two of them an epoch.
    func append(steps: ClosedRange<Int>) throws {
        for step in steps {
            try append(
                StepMetrics(
                    step: step, epoch: (step + 1) / 2,
                    [
                        "loss": 1 / Double(step), "accuracy": 0.5, "learning_rate": 0.1, "gradient_norm": 1,
                        "combined_gradient_norm": .nan, "samples_per_second": 10, "step_seconds": 0.1,
                        "data_seconds": 0.001,
                        "skipped_trace_terms": 0, "skipped_norm_terms": 0,
                    ]))
            if step % 2 == 0 {
                try append(
                    EpochMetrics(
                        epoch: step / 2, trainLoss: 0.5, trainAccuracy: 0.75, learningRate: 0.1, seconds: 2))
            }
        }
        try flush()
    }
}

private func writeRecords(steps: Int, to run: RunFolder) throws {
    try MetricsLog(stepsPath: run.metrics, epochsPath: run.epochs).append(steps: 1...steps)
}

private func configuration(output: String, resume: Bool = false) -> RunConfiguration {
    var configuration = RunConfiguration()
    configuration.dataset = .synthetic
    configuration.output = output
    configuration.resume = resume
    return configuration
}

@Suite struct RunFolderTests {
    @Test func `a step is a line of JSON and an epoch a row`() throws {
        let folder = try TemporaryFolder()
        try writeRecords(steps: 2, to: RunFolder(folder.path))
        let lines = try folder.text("metrics.jsonl").split(separator: "\n")
        #expect(lines.count == 2)
        #expect(
            lines[1]
                == #"""
                {"step":2,"epoch":1,"loss":0.5,"accuracy":0.5,"learning_rate":0.1,"gradient_norm":1.0,\#
                "combined_gradient_norm":null,"ascent_loss":null,"descent_loss":null,"curvature":null,"slope":null,\#
                "samples_per_second":10.0,"step_seconds":0.1,"data_seconds":0.001,"skipped_trace_terms":0,\#
                "skipped_norm_terms":0}
                """#
        )
        #expect(
            try folder.text("epochs.csv")
                == """
                epoch,train_loss,train_accuracy,test_loss,test_accuracy,learning_rate,seconds
                1,0.5,0.75,,,0.1,2.0

                """
        )
    }

    @Test func `records are cut back to a checkpoint`() throws {
        let folder = try TemporaryFolder()
        let run = RunFolder(folder.path)
        try writeRecords(steps: 7, to: run)
        try run.cutRecords(step: 5, epoch: 2)
        #expect(try folder.text("metrics.jsonl").split(separator: "\n").count == 5)
        #expect(try folder.text("epochs.csv").split(separator: "\n").map { $0.prefix(1) } == ["e", "1", "2"])
        // Nothing more to cut.
        let kept = try folder.bytes("metrics.jsonl")
        try run.cutRecords(step: 5, epoch: 2)
        #expect(try folder.bytes("metrics.jsonl") == kept)
        try run.cutRecords(step: 0, epoch: 0)
        #expect(try folder.text("metrics.jsonl").isEmpty)
        #expect(try folder.text("epochs.csv").split(separator: "\n").map { $0.prefix(1) } == ["e"])
    }

    /// Records of seven steps and three epochs as somebody might leave them: how many lines stay after step 5 and epoch
    /// 2.
    @Test(arguments: [
        ("Windows' line breaks", "metrics.jsonl", "\n", "\r\n", 5), ("the same", "epochs.csv", "\n", "\r\n", 3),
        ("blank lines", "metrics.jsonl", "\n", "\n\n", 12), ("the same", "epochs.csv", "\n", "\n\n", 7),
        ("comments", "metrics.jsonl", "\n", "\n# so far, so good\n", 12),
        ("comments", "epochs.csv", "\n", "\n# so far, so good\n", 7),
        ("white space", "metrics.jsonl", ":", " : ", 5), ("another order", "metrics.jsonl", "{", "{\"a\":[{}],", 5),
        ("a number with a point", "metrics.jsonl", "\"step\":6,", "\"step\":6.0,", 5),
        ("objects over several lines", "metrics.jsonl", ",", ",\n  ", 80),
        ("a byte order mark", "metrics.jsonl", "{\"step\":1", "\u{FEFF}{\"step\":1", 5),
        ("a byte order mark", "epochs.csv", "epoch", "\u{FEFF}epoch", 3),
        ("quoted cells", "epochs.csv", "0.5,", "\"0.5\",", 3), ("more columns", "epochs.csv", "\n", ",note\n", 3),
        ("more fields", "metrics.jsonl", "}", ",\"new\":{\"a\":[1,\"}\"]}}", 5),
        ("a note after the checkpoint", "metrics.jsonl", "{\"step\":7", "a note\n{\"step\":7", 6),
        ("a torn line in the middle", "metrics.jsonl", "{\"step\":3", "{\"step\":3,\"ep\n{\"step\":3", 6),
        ("NaN as Python writes it", "metrics.jsonl", "null", "NaN", 5),
    ])
    func `only what surely comes after the checkpoint is cut`(
        what: String, name: String, old: String, new: String, kept: Int
    ) throws {
        let folder = try TemporaryFolder()
        let run = RunFolder(folder.path)
        try writeRecords(steps: 7, to: run)
        let edited = try folder.text(name).replacing(old, with: new)
        _ = try folder.write(edited, to: name)
        try run.cutRecords(step: 5, epoch: 2)
        let lines = try folder.text(name).split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .dropLast()
        #expect(lines.count == kept, "\(what) in \(name)")
        #expect(edited.split(whereSeparator: \.isNewline).starts(with: lines.filter { !$0.isEmpty }.prefix(3)))
        let rest = try folder.text(name)
        #expect(!rest.contains(name == "epochs.csv" ? "\n3," : "\"step\":6"))
        // A kill in the middle would have left the file whole; nothing of the new one stays.
        #expect(try folder.names() == ["epochs.csv", "metrics.jsonl"])
    }

    @Test(arguments: [
        ("metrics.jsonl", "}\n", "},\n", 6), ("metrics.jsonl", "{\"step\":1", "[\n{\"step\":1", 1),
        ("metrics.jsonl", "{\"step\":", "step ", 1), ("metrics.jsonl", "}\n{", "}{", 1),
        ("epochs.csv", ",", ";", 1), ("epochs.csv", "epoch,train_loss", ",epoch,train_loss", 1),
        ("epochs.csv", "train_loss,train_accuracy", "train_accuracy,train_loss", 1),
    ])
    func `a file in another form is refused before anything is cut`(
        name: String, old: String, new: String, line: Int
    ) throws {
        let folder = try TemporaryFolder()
        let run = RunFolder(folder.path)
        try writeRecords(steps: 7, to: run)
        let edited = try folder.text(name).replacing(old, with: new)
        _ = try folder.write(edited, to: name)
        let other = name == "epochs.csv" ? "metrics.jsonl" : "epochs.csv"
        let untouched = try folder.text(other)
        #expect(throws: RunFolderError.otherForm(path: folder.file(name), line: line)) {
            try run.cutRecords(step: 5, epoch: 2)
        }
        #expect(try folder.text(name) == edited && folder.text(other) == untouched)
    }

    @Test func `a complete record without a line break stays, a header that is gone comes back`() throws {
        let folder = try TemporaryFolder()
        let run = RunFolder(folder.path)
        try writeRecords(steps: 4, to: run)
        let whole = (try folder.text("metrics.jsonl"), try folder.text("epochs.csv"))
        _ = try folder.write(String(whole.0.dropLast()), to: "metrics.jsonl")
        _ = try folder.write(String(whole.1.dropLast().drop { $0 != "\n" }.dropFirst()), to: "epochs.csv")
        try run.cutRecords(step: 4, epoch: 2)
        _ = try MetricsLog(stepsPath: run.metrics, epochsPath: run.epochs)
        #expect(try folder.text("metrics.jsonl") == whole.0)
        #expect(try folder.text("epochs.csv") == whole.1)
        for name in ["metrics.jsonl", "epochs.csv"] { _ = try folder.write("", to: name) }
        try run.cutRecords(step: 4, epoch: 2)
        _ = try MetricsLog(stepsPath: run.metrics, epochsPath: run.epochs)
        #expect(try folder.text("epochs.csv") == String(whole.1.prefix { $0 != "\n" }) + "\n")
    }

    @Test func `a torn line is cut off`() throws {
        let folder = try TemporaryFolder()
        let run = RunFolder(folder.path)
        try writeRecords(steps: 3, to: run)
        let whole = try folder.text("metrics.jsonl")
        for torn in ["{\"step\":4,\"ep", "{\"st", "\u{0}\u{0}\n"] {
            _ = try folder.write(whole + torn, to: "metrics.jsonl")
            try run.cutRecords(step: 9, epoch: 9)
            #expect(try folder.text("metrics.jsonl") == whole)
        }
    }

    @Test func `a run is not mixed with another`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("run")
        let (run, checkpoint) = try RunFolder.open(configuration(output: path), ranks: 1)
        #expect(run.path == path && checkpoint == nil)
        // It ended before its first record: the same command may start again.
        #expect(try RunFolder.open(configuration(output: path), ranks: 1).1 == nil)
        try writeRecords(steps: 2, to: run)
        #expect(throws: RunFolderError.runExists(path: path)) {
            try RunFolder.open(configuration(output: path), ranks: 1)
        }
        var other = configuration(output: path, resume: true)
        other.rho = 0.3
        #expect(
            throws: RunFolderError.otherConfiguration(path: path, differences: ["rho 0.1 there, 0.3 now"], remedy: nil)
        ) {
            try RunFolder.open(other, ranks: 1)
        }
        #expect(try RunFolder.open(configuration(output: path, resume: true), ranks: 1).1 == nil)
    }

    @Test(arguments: [false, true])
    func `an attempt that came to nothing can be corrected, and its records stay`(resume: Bool) throws {
        let folder = try TemporaryFolder()
        let (run, _) = try RunFolder.open(configuration(output: folder.file("run")), ranks: 1)
        for (attempt, rho) in [0.3, 0.4].enumerated() {
            try writeRecords(steps: 1, to: run)
            let records = try folder.text("run/metrics.jsonl")
            let settings = try folder.text("run/config.yaml")
            var corrected = configuration(output: run.path, resume: resume)
            corrected.rho = rho
            #expect(try RunFolder.open(corrected, ranks: 1).1 == nil)
            #expect(try folder.text("run/attempt-00\(attempt + 1)/metrics.jsonl") == records)
            #expect(try folder.text("run/attempt-00\(attempt + 1)/config.yaml") == settings)
            #expect(try folder.text("run/config.yaml").contains("rho: \(rho)\n"))
            #expect(!folder.exists("run/metrics.jsonl") && !folder.exists("run/epochs.csv"))
        }
    }

    @Test(arguments: ["train.log", ".gitkeep", "slurm-1.out", "thesis.tex", "checkpoints/notes.txt", "lost+found/x"])
    func `what a run would not overwrite is no obstacle`(name: String) throws {
        let folder = try TemporaryFolder()
        for place in ["other/checkpoints", "other/lost+found"] { try folder.makeFolder(place) }
        _ = try folder.write("mine", to: "other/" + name)
        #expect(try RunFolder.open(configuration(output: folder.file("other")), ranks: 1).1 == nil)
        #expect(try folder.text("other/" + name) == "mine")
        #expect(folder.exists("other/config.yaml"))
    }

    @Test(arguments: [
        "metrics.jsonl", "epochs.csv", "checkpoints/step-00000010", "checkpoints/latest", "checkpoints/best",
    ])
    func `what is no run is left alone, and named`(name: String) throws {
        let folder = try TemporaryFolder()
        try folder.makeFolder("other/checkpoints")
        _ = try folder.write("mine", to: "other/" + name)
        #expect(throws: RunFolderError.foreignFiles(path: folder.file("other"), names: [name])) {
            try RunFolder.open(configuration(output: folder.file("other")), ranks: 1)
        }
        #expect(try folder.names("other").contains("config.yaml") == false)
        #expect(try folder.text("other/" + name) == "mine")
    }

    @Test func `an output that cannot be is refused before anything is made`() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("mine", to: "file")
        try folder.link("link", to: "nowhere")
        #expect(throws: RunFolderError.notAFolder(path: folder.file("file"))) {
            try RunFolder.open(configuration(output: folder.file("file")), ranks: 1)
        }
        for (output, problem) in [
            ("file/a/b", "\(folder.file("file")) is a file, not a folder: Not a directory"),
            ("link", "\(folder.file("link")) is a symbolic link to nowhere, which does not exist"),
            ("link/a", "\(folder.file("link")) is a symbolic link to nowhere, which does not exist"),
        ] {
            #expect(throws: RunFolderError.notWritable(path: folder.file(output), problem: problem)) {
                try RunFolder.open(configuration(output: folder.file(output)), ranks: 1)
            }
        }
        #expect(try folder.names() == ["file", "link"])
        var nameless = configuration(output: "")
        nameless.output = nil
        nameless.resume = true
        #expect(throws: RunFolderError.resumeWithoutOutput) { try RunFolder.open(nameless, ranks: 1) }
    }

    @Test func `a configuration that no run has written is left alone`() throws {
        let folder = try TemporaryFolder()
        for text in ["rho: 0.3\n", "defaults: [model]\n"] {
            _ = try folder.write(text, to: "config.yaml")
            #expect(
                message { _ = try RunFolder.open(configuration(output: folder.path), ranks: 1) }.contains("rename it"))
            #expect(try folder.text("config.yaml") == text && folder.names() == ["config.yaml"])
        }
    }

    @Test func `records that cannot be added to are named`() throws {
        let folder = try TemporaryFolder()
        let (run, _) = try RunFolder.open(configuration(output: folder.file("run")), ranks: 1)
        try folder.makeFolder("run/metrics.jsonl")
        try folder.link("run/epochs.csv", to: "nowhere")
        for (path, problem) in [(run.metrics, "it is a folder"), (run.epochs, "it is a link that leads nowhere")] {
            #expect(throws: RunFolderError.unusableRecords(path: path, problem: problem)) {
                try RunFolder.open(configuration(output: run.path, resume: true), ranks: 1)
            }
            try folder.remove(path)
        }
    }
}
