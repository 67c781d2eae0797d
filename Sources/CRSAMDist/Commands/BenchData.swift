import ArgumentParser
import Measurements
import Training

struct BenchData: ConfiguredCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Time how fast training batches are read, decoded and augmented.",
        usage: "crsam-dist bench data [<options>]",
        discussion: """
            Nothing is computed with the batches. Of files it also times reading and decoding alone.

              mpirun -np 2 crsam-dist bench data --dataset imagenet \\
                  --data DIR --image-size 224 --steps 50
            """)

    @OptionGroup(title: "Data") var data: SettingFlags<DataFlags>
    @Option(help: "Samples in a batch over all ranks. (default: 256)", transform: ArgumentForms.wholeNumber)
    var batchSize = 256
    @Option(
        help: "Batches that are timed, after as many that are not. (default: 20)", transform: ArgumentForms.wholeNumber)
    var steps = 20
    @Option(help: "Write the figures to a JSON file as well; - for standard output, with the text on standard error.")
    var json: String?

    func validate() throws {
        if !(1...1_000_000).contains(batchSize) { throw ValidationError("--batch-size must be from 1 to 1000000") }
        if !(1...1_000_000).contains(steps) { throw ValidationError("--steps must be from 1 to 1000000") }
    }

    func configuration() throws -> RunConfiguration {
        try GivenSettings(flags: [("batch-size", "\(batchSize)")] + data.given).configuration
    }

    func run() throws {
        let configuration = try configuration()
        let flags = [("steps", "\(steps)"), ("json", json ?? "")]
        Job.run("bench data", flags: flags, configuration) { world in
            let output = world.rank == 0 ? try CommandOutput([("--json", json)]) : nil
            let result = try DataBenchmark(steps: steps).run(configuration, world: world)
            try output?.publish(result.text, ["--json": result.json])
        }
    }
}
