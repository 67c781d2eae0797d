import ArgumentParser
import Training

struct Train: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a model; without a flag, a small ResNet on Fashion-MNIST with CR-SAM.",
        usage: "crsam-dist train [<options>]",
        discussion: """
            Settings come from the defaults, then --preset, then --config, then flags; later ones win. A YAML \
            file's keys are the \
            flags' names without the dashes. The resolved settings are written to config.yaml in the output folder.

              mpirun -np 2 crsam-dist train
              mpirun -np 8 crsam-dist train --dataset cifar10 --data DIR \\
                  --model resnet18 --learning-rate 0.05 --weight-decay 1e-3 \\
                  --epochs 200 --output runs/c10
              mpirun -np 8 crsam-dist train --output runs/c10 --resume
            """)

    @OptionGroup(title: "Data") var data: SettingFlags<DataFlags>
    @OptionGroup(title: "Model") var model: SettingFlags<ModelFlags>
    @OptionGroup(title: "Method") var method: SettingFlags<MethodFlags>
    @OptionGroup(title: "Optimizer") var optimizer: SettingFlags<OptimizerFlags>
    @OptionGroup(title: "Size") var size: SettingFlags<SizeFlags>
    @OptionGroup(title: "Records") var records: SettingFlags<RecordFlags>
    @Option(help: "Recipe of a published experiment, by a name that 'crsam-dist presets' lists.")
    var preset: String?
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
        let given = try given()
        Job.run("train", flags: given.agreement, given.configuration(_:)) { configuration, world in
            _ = try Trainer(configuration, world: world, observers: world.rank == 0 ? [ProgressReporter()] : []).run()
        }
    }

    func configuration() throws -> RunConfiguration { try given().configuration }

    private func given() throws -> GivenSettings {
        try GivenSettings(
            file: config.first, preset: preset.map { try Preset.named($0).path },
            flags: data.given + model.given + method.given + optimizer.given + size.given + records.given,
            resume: resume)
    }
}
