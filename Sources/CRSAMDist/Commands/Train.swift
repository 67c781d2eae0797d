import ArgumentParser
import Training

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a model; without a flag, a small ResNet on Fashion-MNIST with CR-SAM.",
        usage: "crsam-dist train [<options>]",
        discussion: """
            Settings come from the defaults, then --config, then flags; later ones win. A YAML file's keys are the \
            flags' names without the dashes. The resolved settings are written to config.yaml in the output folder.

              mpirun -np 2 crsam-dist train
              mpirun -np 8 crsam-dist train --dataset cifar10 --data DIR \\
                  --model resnet18 --learning-rate 0.05 --weight-decay 1e-3 \\
                  --epochs 200 --output runs/c10
              mpirun -np 8 crsam-dist train --output runs/c10 --resume
            """)

    @OptionGroup(title: "Data") var data: DataOptions
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Method") var method: MethodOptions
    @OptionGroup(title: "Optimizer") var optimizer: OptimizerOptions
    @OptionGroup(title: "Size") var size: SizeOptions
    @Option(help: "Passes over the training set. (default: 5)")
    var epochs: Setting
    @Option(help: "Updates after which the run ends. (default: --epochs whole epochs)")
    var steps: Setting
    @Option(help: "Epochs between evaluations; the last is always evaluated. (default: 1)")
    var evaluateEvery: Setting
    @Option(help: "Steps between checkpoints. (default: one at every epoch's end)")
    var checkpointEvery: Setting
    @Option(help: "Output folder. (default: runs/DATASET-MODEL-METHOD-NNN)")
    var output: Setting
    @Option(help: "YAML file with settings; its paths are relative to the working directory.")
    var config: [String] = []
    @Flag(help: "Continue from the newest checkpoint in --output, with that run's settings.")
    var resume = false

    func validate() throws {
        if config.count > 1 {
            throw ValidationError("--config is given \(config.count) times: put the settings into one file")
        }
    }

    func run() throws {
        let given = try GivenSettings(
            file: config.first,
            flags: data.settings + model.settings + method.settings + optimizer.settings + size.settings + [
                ("epochs", epochs), ("steps", steps), ("evaluate-every", evaluateEvery),
                ("checkpoint-every", checkpointEvery), ("output", output),
            ], resume: resume)
        Job.run("train", flags: given.agreement, given.configuration(_:)) { configuration, world in
            _ = try Trainer(configuration, world: world, observers: world.rank == 0 ? [ProgressReporter()] : []).run()
        }
    }
}
