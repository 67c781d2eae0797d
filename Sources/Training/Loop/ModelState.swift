import Collectives
import Compute
import TensorFiles
import Vectors

/// What a model is at a moment: weights and running statistics. All replicas hold the same.
package final class ModelState {
    package let weights: FlatVector
    package let statistics: FlatVector
    private let graph: Graph

    /// Zeros, to be given values by ``initialize(seed:_:)`` or from files and ``broadcast(_:)``.
    package init(_ graph: Graph) {
        self.graph = graph
        weights = FlatVector(count: graph.parameterLayout.vectorCount)
        statistics = FlatVector(count: graph.statisticsLayout.vectorCount)
    }

    private var parameterLayout: TensorLayout { graph.parameterLayout }
    private var statisticsLayout: TensorLayout { graph.statisticsLayout }

    /// Starting weights from the seed, on all ranks the same, whatever their number. Every rank must call it.
    ///
    /// Cost: each rank draws its share of the tensors; one all-reduce of the weights, which adds zeros: the result is
    /// bitwise identical for any number of ranks.
    func initialize(seed: UInt64, _ world: Communicator) throws {
        graph.initialize(weights: weights, statistics: statistics, seed: seed, part: world.rank, of: world.size)
        if world.size > 1 { try world.allReduce(weights.elements, .sum) }
    }

    /// Makes every replica equal to rank 0's. Every rank must call it.
    func broadcast(_ world: Communicator) throws {
        try world.broadcast(weights.elements)
        try world.broadcast(statistics.elements)
    }

    /// A hash of weights and statistics. An optimizer's vectors that differ show in the weights after the next update.
    var fingerprint: UInt64 { statistics.fingerprint(seed: weights.fingerprint()) }

    // MARK: Files

    /// Weights and statistics under their published names, and how often BatchNorm's statistics were updated.
    package func modelTensors(statisticsUpdates: Int) -> [NamedTensor] {
        let counters = statisticsLayout.entries.compactMap { entry -> NamedTensor? in
            guard entry.name.hasSuffix(".running_mean") else { return nil }
            let name = entry.name.dropLast("running_mean".count) + "num_batches_tracked"
            return NamedTensor(String(name), shape: [], .int64([statisticsUpdates]))
        }
        return NamedTensor.tensors(of: weights, parameterLayout)
            + NamedTensor.tensors(of: statistics, statisticsLayout) + counters
    }

    /// Takes over weights and statistics, after checking that all names and shapes fit and all values are numbers.
    /// Warns of what is converted or renamed.
    ///
    /// - Parameters:
    ///   - model: the graph's name in the catalog, for messages.
    ///   - head: where the last layer's parameters come from.
    package func readModel(_ original: SafeTensorsFile, model: String, head: HeadSource = .file) throws {
        let names = head.isNew ? graph.headNames : []
        let expected = (parameterLayout.entries + statisticsLayout.entries).map { ($0.name, $0.shape) }.filter {
            !names.contains($0.0)
        }
        let file = original.unwrapped(for: Set(expected.map(\.0)))
        let positions = PositionInterpolation(file, graph)
        let wanted = expected.map { $0.0 == PositionInterpolation.name ? ($0.0, positions?.shape ?? $0.1) : $0 }
        let matching = TensorMatching(file, against: wanted, others: names)
        guard matching.isExact else {
            throw CheckpointError.otherTensors(
                path: file.path, summary: matching.summary,
                remedy: ModelRecognition.remedy(file, matching, model: model, graph, head))
        }
        let others = positions == nil ? names : names.union([PositionInterpolation.name])
        try file.read(parameterLayout, into: weights, except: others)
        try positions?.read(file, into: weights)
        try file.read(statisticsLayout, into: statistics)
        if case .seed(let seed) = head { graph.initializeHead(weights: weights, seed: seed) }
        for (layout, vector) in [(parameterLayout, weights), (statisticsLayout, statistics)] {
            if let entry = layout.entries.first(where: { !vector.slice($0.range).norm.isFinite }) {
                throw CheckpointError.notFinite(path: file.path, tensor: entry.name)
            }
        }
        // As weights that were extrapolated have them: their roots are no numbers, which a ReLU makes zeros of.
        if let entry = statisticsLayout.entries.first(where: { entry in
            entry.name.hasSuffix(".running_var") && statistics.slice(entry.range).elements.contains { $0 < 0 }
        }) {
            throw CheckpointError.negativeVariance(path: file.path, tensor: entry.name)
        }
        let replaced = names.isEmpty ? [] : ["a new head (\(names.sorted().joined(separator: ", "))) from the seed"]
        var notes =
            replaced + (positions.map { [$0.note] } ?? [])
            + (file.droppedFromNames.map { ["names are read without \($0)"] } ?? [])
        let converted = expected.compactMap { file[$0.0]?.dtype }.filter { $0 != TensorElement.float32.rawValue }
        if !converted.isEmpty {
            let types = Set(converted).sorted().joined(separator: " and ")
            notes.append("\(converted.count) of \(expected.count) tensors are converted from \(types) to float32")
        }
        if !notes.isEmpty { log.warning("\(file.path): \(notes.joined(separator: "; "))") }
    }
}

/// Where a model that is read from a file has its last layer from.
package enum HeadSource {
    /// The file, which must fit.
    case file
    /// The file as well, of a user who can have ``seed(_:)`` by `--reset-head`.
    case fileOrReset
    /// Drawn as at a start without weights; whatever head the file has is left out.
    case seed(UInt64)

    var canBeReset: Bool { if case .fileOrReset = self { true } else { false } }
    var isNew: Bool { if case .seed = self { true } else { false } }
}
