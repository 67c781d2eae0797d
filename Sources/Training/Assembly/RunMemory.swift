import Collectives
import Compute
import Datasets
import Optimizers
import Vectors

/// What a command needs of memory on each rank, checked before it takes any of it.
///
/// Data sets are checked by their readers, when they come to know the size.
package struct RunMemory {
    private var need = MemoryNeed()
    private var code = 0
    private var arena = (samples: 0, bytes: 0)
    /// Of a rank's images, those that wait for their step too.
    private var batches = 0
    private var resumed = 0
    /// Samples in a training's largest forward pass on this rank.
    private(set) var largestRun = 0
    private let configuration: RunConfiguration

    /// For MPI's start, and for the descriptors of all models' plans: both take less.
    private static let minimum = 80_000_000
    /// For small things of the heap, which nobody counts.
    private static let heap = 16 << 20

    package init(_ configuration: RunConfiguration) {
        self.configuration = configuration
        need.add("the heap", Self.heap)
    }

    /// Of a training, on this rank.
    ///
    /// - Returns: what the programs will use, the largest first.
    package mutating func addTraining(
        _ resources: RunResources, _ rule: any GradientRule, evaluating: Bool, _ world: Communicator
    ) throws -> [PlanForecast] {
        let (graph, partition) = (resources.graph, resources.partition)
        let sampler = resources.sampler
        let shares = [0, sampler.stepsPerEpoch - 1].map {
            partition.shares(batchCount: sampler.positions(ofStepInEpoch: $0).count, rank: world.rank)
        }
        let moments = configuration.optimizer.stateVectorCount(configuration.updateHyperparameters)
        // Weights, G, and what MPI's algorithms copy of it.
        let kept = moments + (configuration.emaDecay > 0 ? 1 : 0)
        let vectors = kept + 2 + (world.size > 1 ? 1 : 0)
        let groups = partition.groupCount(batchCount: partition.batchSize)
        add(vectors: vectors + rule.largestWorkVectorCount(groups: groups), of: graph.parameterLayout.vectorCount)
        let sampleBytes = resources.train.shape.count * MemoryLayout<Float>.stride
        // The loader's, which hold no more than there are images.
        let part = shares.map { $0.last?.samples.upperBound ?? 0 }.max() ?? 0
        if configuration.resume {
            // Read beside the live vectors, before the arena is taken.
            resumed = kept * graph.parameterLayout.vectorCount * MemoryLayout<Float>.stride
        }
        batches = BatchLoader.defaultSlots * part * sampleBytes
        add("batches of \(part) sample\(part == 1 ? "" : "s")", batches)
        var forecasts: [PlanForecast] = []
        let sizes = BatchObjective.runSizes(
            ofGroups: shares.joined().map(\.samples.count), microBatchSize: configuration.microBatchSize)
        largestRun = sizes.max() ?? 0
        for samples in sizes.sorted(by: >) {
            forecasts.append(try resources.network.forecast(batch: samples, .training))
            add(forecasts[forecasts.count - 1], samples: samples)
        }
        if evaluating {
            for data in [resources.test] + resources.evaluationSets.map(\.data) {
                forecasts += try addEvaluation(
                    resources.network, data, batchSize: configuration.evaluationBatchSize(ranks: world.size), world)
            }
            // Tensors are put in order one by one as a checkpoint is written.
            let largest = graph.parameterLayout.entries.map(\.count).max() ?? 0
            if world.rank == 0 { add("a checkpoint", largest * MemoryLayout<Float>.stride) }
        }
        return forecasts
    }

    /// Of an evaluation, on this rank.
    package mutating func addEvaluation(
        _ network: Network, _ dataset: any Dataset, batchSize: Int, _ world: Communicator
    ) throws -> [PlanForecast] {
        let shard = EpochSampler.evaluationShard(count: dataset.count, rank: world.rank, ranks: world.size)
        let largest = min(batchSize, shard.count)
        guard largest > 0 else { return [] }
        add("images of an evaluation", largest * dataset.shape.count * MemoryLayout<Float>.stride)
        return try Set([largest, shard.count % largest]).filter { $0 > 0 }.sorted(by: >).map { samples in
            let forecast = try network.forecast(batch: samples, .inference)
            add(forecast, samples: samples)
            return forecast
        }
    }

    /// Before MPI or a table of plans, whose libraries end the process where memory is refused them.
    package static func requireMinimum(_ purpose: String) throws(MemoryShortage) {
        try MemoryNeed(purpose, minimum).check(
            ranks: MPIEnvironment.launchedRanksOnHost, remedy: minimumRemedy)
    }

    /// Open MPI maps libraries, stacks and segments shared with each rank of the host: 230 MB measured for one, 250 for
    /// two.
    package static func requireAddressSpace() throws(MemoryShortage) {
        var available = AvailableMemory.now()
        available.bounds.removeAll { $0.limit != .addressSpace }
        let bytes = 300_000_000 + 16_000_000 * MPIEnvironment.launchedRanksOnHost
        try MemoryNeed("the start of MPI", bytes).check(available, remedy: minimumRemedy)
    }

    private static let minimumRemedy = "use a host with more free memory"

    /// Vectors as long as the parameters'.
    package mutating func add(vectors: Int, of parameterCount: Int) {
        need.add(
            "\(vectors) vector\(vectors == 1 ? "" : "s") of \(parameterCount) parameters",
            vectors * parameterCount * MemoryLayout<Float>.stride)
    }

    /// Programs of one kind; all share the largest arena.
    package mutating func add(_ forecast: PlanForecast, samples: Int) {
        code += forecast.codeBytes
        if forecast.arenaBytes > arena.bytes { arena = (samples, forecast.arenaBytes) }
    }

    package mutating func add(_ purpose: String, _ bytes: Int) { need.add(purpose, bytes) }

    /// Of a network beside others, whose arenas stay.
    package mutating func addArena(of network: Network, samples: Int) throws {
        guard samples > 0 else { return }
        let forecast = try network.forecast(batch: samples, .training)
        code += forecast.codeBytes
        need.add(Network.arenaPurpose(samples: samples), forecast.arenaBytes)
    }

    /// Every rank must call it at the same time, and take the memory only when all have.
    ///
    /// - Parameters:
    ///   - flags: that lower what a forward pass needs.
    ///   - isModelGiven: by weights, so that another is no way out.
    package func check(flags: String, isModelGiven: Bool = false) throws(MemoryShortage) {
        var need = need
        need.add("oneDNN's compiled kernels", code)
        need.add("the state to resume from", max(0, resumed - code - arena.bytes))
        need.add(Network.arenaPurpose(samples: arena.samples), arena.bytes)
        var remedies: [String] = []
        if batches > need.bytes / 3 {
            // A micro-batch would not make them smaller.
            remedies.append("lower --batch-size")
        } else if arena.bytes > need.bytes / 3 {
            remedies.append(flags)
        } else if !isModelGiven {
            remedies.append("take a smaller --model")
        }
        let ranks = MPIEnvironment.launchedRanksOnHost
        if ranks > 1 { remedies.append("start fewer ranks on this host") }
        let list = remedies.joined(separator: ", ")
        let host = "use a host with more free memory"
        try need.check(ranks: ranks, remedy: list.isEmpty ? host : "\(list) or \(host)")
    }
}

extension MemoryShare {
    /// Every rank must call it at the same time: none takes of its share before all know theirs.
    init(_ world: Communicator) throws(MPIError) {
        self.init(ranks: MPIEnvironment.launchedRanksOnHost)
        try world.barrier()
    }
}
