import ArgumentParser
import Measurements
import Training

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure speed, and what a precision costs, on this machine.",
        subcommands: [BenchStep.self, BenchData.self, BenchPrecision.self])
}

/// Of a command that draws its images.
enum SyntheticDataFlags: SettingSelection {
    private static let ofFiles = ["image-size", "crop-ratio", "interpolation", "data-threads", "bad-samples"]
    static let flags = SettingFlag.all(of: .data, except: Set(["data"] + ofFiles)).map { flag in
        flag.setting.name != "dataset"
            ? flag
            : SettingFlag(
                setting: flag.setting,
                help: "Only synthetic: images whose values are drawn at random. (default: synthetic)")
    }
}

struct BenchStep: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "step",
        abstract: "Time the training loop's steps on synthetic data.",
        usage: "crsam-dist bench step [<options>]",
        discussion: """
              mpirun -np 2 crsam-dist bench step --model resnet18 \\
                  --batch-size 128 --json step.json
            """)

    @OptionGroup(title: "Data") var data: SettingFlags<SyntheticDataFlags>
    @OptionGroup(title: "Model") var model: SettingFlags<ModelFlags>
    @OptionGroup(title: "Method") var method: SettingFlags<MethodFlags>
    @OptionGroup(title: "Optimizer") var optimizer: SettingFlags<OptimizerFlags>
    @OptionGroup(title: "Size") var size: SettingFlags<StepSizeFlags>
    @Option(help: "Steps that are timed, after one that is not. (default: 10)", transform: ArgumentForms.wholeNumber)
    var steps = 10
    @Option(help: "Write the figures to a JSON file as well; - for standard output, with the text on standard error.")
    var json: String?
    @Flag(help: "Print rank 0's time of a step, by phase and by kind of operation.")
    var breakdown = false
    @Flag(help: "Print --breakdown with each kind's GF/s as a share of the measured matrix-product peak.")
    var compareWithPeak = false
    @Option(
        help: "Write the last three steps of all ranks to a file for chrome://tracing or Perfetto; - as with --json.")
    var trace: String?

    func validate() throws {
        if let dataset = data["dataset"], dataset.lowercased() != "synthetic" {
            throw ValidationError("bench step times the loop on --dataset synthetic only")
        }
        if !(1...100_000).contains(steps) { throw ValidationError("--steps must be from 1 to 100000") }
    }

    func configuration() throws -> RunConfiguration {
        try GivenSettings(
            flags: [("dataset", "synthetic")] + data.given + model.given + method.given + optimizer.given + size.given
        ).configuration
    }

    func run() throws {
        let configuration = try configuration()
        var benchmark = StepBenchmark(measuredSteps: steps)
        benchmark.hasBreakdown = breakdown || compareWithPeak
        benchmark.hasTrace = trace != nil
        let flags = [
            ("steps", "\(steps)"), ("json", json ?? ""), ("trace", trace ?? ""),
            ("breakdown", breakdown ? "given" : ""), ("compare-with-peak", compareWithPeak ? "given" : ""),
        ]
        Job.run("bench step", flags: flags, configuration) { world in
            let output =
                world.rank == 0
                ? try CommandOutput(
                    [("--json", json), ("--trace", trace)], inputs: [configuration.initWeights].compactMap(\.self))
                : nil
            let result = try benchmark.run(configuration, world: world)
            var text = result.text
            if let breakdown = result.breakdown {
                text += "\n\n\(breakdown.text(peak: compareWithPeak ? result.peak : nil))"
            }
            try output?.publish(text, ["--json": result.json, "--trace": result.trace ?? ""])
        }
    }
}

struct BenchPrecision: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "precision",
        abstract: "Measure the error of bfloat16 in CR-SAM's gradients and their differences.",
        usage: "crsam-dist bench precision [<options>]",
        discussion: """
            Trains as 'train' does for as many updates as the last of --at names (with --dataset synthetic, on four \
            batches), and before each of them compares bfloat16's gradients with float32's at the same weights: \
            errors in norm of g0, of g+ - g- and of g+ + g- - 2g0, relative to float32's.

              mpirun -np 2 crsam-dist bench precision --model resnet18 --at 0 100 1000
            """)

    @OptionGroup(title: "Data") var data: SettingFlags<DataFlags>
    @OptionGroup(title: "Model") var model: SettingFlags<ModelFlags>
    @OptionGroup(title: "Method") var method: SettingFlags<MethodFlags>
    @OptionGroup(title: "Optimizer") var optimizer: SettingFlags<OptimizerFlags>
    @OptionGroup(title: "Size") var size: SettingFlags<StepSizeFlags>
    @Option(
        parsing: .upToNextOption,
        help: "Updates done before a comparison; the training ends with the last. (default: 0, 10, 100)",
        transform: ArgumentForms.wholeNumber)
    var at = [0, 10, 100]

    func validate() throws {
        guard !at.isEmpty, at.allSatisfy((0...10_000_000).contains) else {
            throw ValidationError("--at takes counts of updates, from 0 to 10000000")
        }
    }

    func configuration() throws -> RunConfiguration {
        try GivenSettings(
            flags: data.given + model.given + method.given + optimizer.given + size.given,
            using: ["rho"]
        ).configuration
    }

    func run() throws {
        let configuration = try configuration()
        // What this processor is asked for, whatever the training is in.
        var compared = configuration
        compared.precision = .bfloat16
        try PrecisionComparison.requireSupport(of: .bfloat16)
        try compared.validate()
        Job.run("bench precision", compared) { world in
            if world.rank == 0 { try Console.print(PrecisionComparison.header) }
            _ = try PrecisionComparison(steps: at.sorted()).run(configuration, world: world) { row in
                if world.rank == 0 { try Console.print(row.text) }
            }
        }
    }
}
