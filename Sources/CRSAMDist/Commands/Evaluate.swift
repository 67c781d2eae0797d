import ArgumentParser
import Files
import Training

/// Over what a checkpoint and its run say.
enum EvaluationFlags: SettingSelection {
    static let flags = SettingFlag.some([
        "model": "the one that the checkpoint or its file names", "dataset": "the one trained on", "data": "the run's",
        "precision": "as in training", "micro-batch-size": "the run's, at most 128", "threads": "the run's",
    ])
}

struct Evaluate: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        abstract: "Loss and accuracy of a checkpoint on a data set's test images.",
        usage: "crsam-dist evaluate --checkpoint <checkpoint> [<options>]",
        discussion: """
              mpirun -np 2 crsam-dist evaluate \\
                  --checkpoint runs/fashion-mnist-resnet8-crsam-001

            Of ImageNet-C (--dataset imagenet-c) it prints every corruption and severity, and mCE. Of ImageNet-R and
            -A the logits of their 200 classes count alone.
            """)

    @Option(help: "A run folder, a checkpoint's folder or a .safetensors file.")
    var checkpoint: String
    @Flag(help: "Evaluate the weights' moving average, which a run with --ema-decay keeps.")
    var ema = false
    @OptionGroup var settings: SettingFlags<EvaluationFlags>
    @Option(
        help: """
            Classes that the model was trained on, where the checkpoint does not name them: a list with a name first \
            in each line, an index or the folder of training images.
            """)
    var classes: String?
    @Option(help: "Write the result to a JSON file as well; - for standard output, with the text on standard error.")
    var json: String?

    func run() throws {
        let evaluation = try evaluation()
        let flags = [("json", json ?? ""), ("ema", ema ? "given" : ""), ("classes", classes ?? "")]
        Job.run("evaluate", flags: flags, evaluation.configuration) { world in
            let output = world.rank == 0 ? try CommandOutput([("--json", json)], inputs: evaluation.inputs) : nil
            if evaluation.isOfCorruptions {
                let scores = try evaluation.runCorruptions(world) {
                    Console.writeProgress(
                        "\($0.corruption) \($0.severity): accuracy \(NumberText.percent($0.accuracy))\n")
                }
                try output?.publish(scores.text, ["--json": scores.json])
                return
            }
            let result = try evaluation.run(world)
            try output?.publish(evaluation.text(of: result), ["--json": evaluation.json(of: result)])
        }
    }

    func configuration() throws -> RunConfiguration { try evaluation().configuration }

    private func evaluation() throws -> CheckpointEvaluation {
        try CheckpointEvaluation(checkpoint: checkpoint, average: ema, settings: settings.given, classes: classes)
    }
}
