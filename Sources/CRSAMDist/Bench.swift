import ArgumentParser
import Training

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure speed on this machine.", subcommands: [BenchStep.self])
}

struct BenchStep: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "step",
        abstract: "Time the training loop's steps on synthetic data.",
        discussion: """
              mpirun -np 2 crsam-dist bench step --model resnet18 --batch-size 128 --json step.json
            """)

    @OptionGroup(title: "Data") var data: DataOptions
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Method") var method: MethodOptions
    @OptionGroup(title: "Optimizer") var optimizer: OptimizerOptions
    @OptionGroup(title: "Size") var size: SizeOptions
    @Option(help: "Steps that are timed, after one that is not.")
    var steps = 10
    @Option(help: "Write the figures to a JSON file as well.")
    var json: String?
    @Flag(help: "Tell what a step's time went to, by phase and by kind of operation (rank 0's).")
    var breakdown = false
    @Flag(help: "With --breakdown: hold each kind's GF/s against the machine's matrix-product peak.")
    var compareWithPeak = false
    @Option(help: "Write the last three steps of all ranks to a file for chrome://tracing or Perfetto.")
    var trace: String?

    func validate() throws {
        if !(1...100_000).contains(steps) { throw ValidationError("--steps must be from 1 to 100000") }
    }

    func run() throws {
        let settings = data.settings + model.settings + method.settings + optimizer.settings + size.settings
        let configuration = try RunConfiguration(
            file: nil, settings: [("dataset", "synthetic")] + settings)
        guard configuration.dataset == .synthetic else {
            throw ValidationError("bench step times the loop on --dataset synthetic only")
        }
        var benchmark = StepBenchmark(measuredSteps: steps)
        benchmark.hasBreakdown = breakdown || compareWithPeak
        benchmark.tracePath = trace
        Job.run(threads: configuration.threads) { world in
            let result = try benchmark.run(configuration, world: world)
            guard world.rank == 0 else { return }
            print(result.text)
            if let breakdown = result.breakdown {
                print("\n\(breakdown.text(peak: compareWithPeak ? result.peak : nil))")
            }
            if let json { try result.write(to: json) }
        }
    }
}
