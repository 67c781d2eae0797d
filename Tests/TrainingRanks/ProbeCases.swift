import Collectives
import Compute
import Datasets
import Models
import Objectives
import Probes
import RankCases
import Training
import Vectors

/// A small network with ReLUs and BatchNorm and 300 images: five chunks, of which three ranks and more have unlike
/// numbers, and eight ranks none for some.
private struct Probed {
    let network: Network
    let state: ModelState
    let dataset: any Dataset

    init() throws {
        let entry = try modelCatalog.entry("resnet8")
        var images = SyntheticImages()
        images.shape = ImageShape(channels: 3, height: 8, width: 8)
        (images.trainCount, images.testCount) = (300, 1)
        dataset = try DatasetEntry.synthetic.load(
            DatasetRequest(.train, directory: nil, synthetic: images, memory: MemoryShare()))
        network = try Network(try entry.graph(inputShape: [3, 8, 8], classes: 10), policy: .direct)
        state = ModelState(network.graph)
        network.graph.initialize(weights: state.weights, statistics: state.statistics, seed: 5)
    }

    func objective(rank: Int, ranks: Int) throws -> DatasetObjective {
        try DatasetObjective(
            network: network, statistics: state.statistics, dataset: dataset, microBatchSize: 24, seed: 3, rank: rank,
            ranks: ranks)
    }
}

let probeCases = [
    RankCase(name: "probes-are-bitwise-those-of-one-rank") { world in
        let probed = try Probed()
        let (own, whole) = (
            try probed.objective(rank: world.rank, ranks: world.size), try probed.objective(rank: 0, ranks: 1)
        )
        try check(own.chunkCount == 5 && whole.chunks == 0..<5, "\(own.chunkCount) chunks")
        for form in TraceForm.allCases {
            for kinks in KinkRule.allCases {
                func estimate(_ objective: DatasetObjective, _ processes: any ProcessSums) throws -> TraceEstimate {
                    var probe = TraceProbe(objective, at: probed.state.weights, processes)
                    (probe.form, probe.kinks, probe.rounds, probe.seed) = (form, kinks, 2, 9)
                    return try probe.run()
                }
                let (reduced, count) = (world.reducedBytes, world.collectives)
                let shared = try estimate(own, world)
                // The step, and in each round a value and a square of each quantity.
                let quantities = form == .losses ? 1 : 1 + own.layout.entries.count
                try check(
                    world.reducedBytes - reduced == 16 + 2 * 32 * quantities,
                    "\(world.reducedBytes - reduced) bytes reduced")
                try check(world.collectives - count == 3, "\(world.collectives - count) collectives")
                guard world.rank == 0 else { continue }
                let alone = try estimate(whole, OneProcess())
                try check(shared == alone, "\(form), \(kinks): \(shared) and \(alone)")
                try check(shared.trace.standardError > 0, "\(shared.trace)")
            }
        }
        let (reduced, count) = (world.reducedBytes, world.collectives)
        let norms = try GradientNormProbe(own, at: probed.state.weights, world).run()
        try check(world.collectives - count == 3, "\(world.collectives - count) collectives")
        try check(
            world.reducedBytes - reduced == 16 + 8 * probed.state.weights.count + 64,
            "\(world.reducedBytes - reduced) bytes reduced")
        guard world.rank == 0 else { return }
        let alone = try GradientNormProbe(whole, at: probed.state.weights).run()
        try check(norms == alone, "\(norms) and \(alone)")
    }
]
