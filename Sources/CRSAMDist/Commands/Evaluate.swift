import ArgumentParser
import Files
import Training

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Loss and accuracy of a checkpoint on a data set's test images.",
        usage: "crsam-dist evaluate --checkpoint <checkpoint> [<options>]",
        discussion: """
              mpirun -np 2 crsam-dist evaluate \\
                  --checkpoint runs/fashion-mnist-resnet8-crsam-001
            """)

    @Option(help: "A run folder, a checkpoint's folder or a .safetensors file.")
    var checkpoint: String
    @Option(help: "The model's name. (default: the one that the checkpoint or its file names)")
    var model: Setting
    @Option(help: "fashion-mnist, mnist, cifar10, cifar100 or synthetic. (default: the one trained on)")
    var dataset: Setting
    @Option(help: "Folder with the data set's published files. (default: the run's)")
    var data: Setting
    @Option(help: "float32 or bfloat16, of activations and products. (default: as in training)")
    var precision: Setting
    @Option(
        help: "Most samples of a rank in one forward pass, to save memory. (default: the run's, at most 128)"
    )
    var microBatchSize: Setting
    @Option(
        help: "Threads of each rank, with mpirun --bind-to none or --map-by slot:PE=N as in train. (default: the run's)"
    )
    var threads: Setting
    @Option(help: "Write the result to a JSON file as well; - for standard output, with the text on standard error.")
    var json: String?

    func run() throws {
        let evaluation = try CheckpointEvaluation(
            checkpoint: checkpoint,
            settings: [
                ("model", model), ("dataset", dataset), ("data", data), ("precision", precision),
                ("micro-batch-size", microBatchSize),
                ("threads", threads),
            ])
        Job.run("evaluate", flags: [("json", json ?? "")], evaluation.configuration) { world in
            let output = world.rank == 0 ? try CommandOutput([("--json", json)], inputs: evaluation.inputs) : nil
            let result = try evaluation.run(world)
            try output?.publish(evaluation.text(of: result), ["--json": evaluation.json(of: result)])
        }
    }
}
