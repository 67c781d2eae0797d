import Testing
import Training

/// A run's records after so many steps, two of them an epoch.
private func writeRecords(steps: Int, to run: RunFolder) throws {
    let log = try MetricsLog(stepsPath: run.metrics, epochsPath: run.epochs, isNew: true)
    for step in 1...steps {
        try log.append(
            StepMetrics(
                step: step, epoch: (step + 1) / 2, loss: 1 / Double(step), accuracy: 0.5, learningRate: 0.1,
                gradientNorm: 1, combinedGradientNorm: .nan, samplesPerSecond: 10, stepSeconds: 0.1))
        if step % 2 == 0 {
            try log.append(
                EpochMetrics(
                    epoch: step / 2, trainLoss: 0.5, trainAccuracy: 0.75, learningRate: 0.1, seconds: 2))
        }
    }
    try log.flush()
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
                == #"{"step":2,"epoch":1,"loss":0.5,"accuracy":0.5,"learning_rate":0.1,"gradient_norm":1.0,"combined_gradient_norm":null,"ascent_loss":null,"descent_loss":null,"curvature":null,"slope":null,"samples_per_second":10.0,"step_seconds":0.1,"skipped_trace_terms":0,"skipped_norm_terms":0}"#
        )
        #expect(
            try folder.text("epochs.csv")
                == "epoch,train_loss,train_accuracy,test_loss,test_accuracy,learning_rate,seconds\n1,0.5,0.75,,,0.1,2.0\n"
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
        #expect(!folder.exists("metrics.jsonl") && !folder.exists("epochs.csv"))
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
        try writeRecords(steps: 1, to: run)
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

    @Test func `what is no run is left alone`() throws {
        let folder = try TemporaryFolder()
        try folder.makeFolder("other")
        _ = try folder.write("mine", to: "other/thesis.tex")
        #expect(throws: RunFolderError.foreignFiles(path: folder.file("other"))) {
            try RunFolder.open(configuration(output: folder.file("other")), ranks: 1)
        }
        #expect(try folder.names("other") == ["thesis.tex"])
        #expect(throws: RunFolderError.notAFolder(path: folder.file("other/thesis.tex"))) {
            try RunFolder.open(configuration(output: folder.file("other/thesis.tex")), ranks: 1)
        }
        var nameless = configuration(output: "")
        nameless.output = nil
        nameless.resume = true
        #expect(throws: RunFolderError.resumeWithoutOutput) { try RunFolder.open(nameless, ranks: 1) }
    }
}
