import Compute
import Datasets
import Objectives
import Vectors

/// A network's loss and gradient on this rank's part of the current batch.
///
/// A group of samples that is larger than a micro-batch is evaluated in several passes whose gradients are summed;
/// BatchNorm then normalizes each micro-batch by itself, as accumulation does in PyTorch.
package final class BatchObjective: GroupedObjective {
    /// Updated in the clean pass, and in the descent pass too if it was asked for.
    package let statistics: FlatVector
    /// Updates of the running statistics so far: PyTorch's `num_batches_tracked`.
    private(set) var statisticsUpdates = 0
    private let network: Network
    private let microBatchSize: Int?
    private let loss: any Loss
    private let labelSmoothing: Float
    private let movesStatisticsInDescent: Bool
    private let pixelsPerSample: Int
    private var batch: Batch?
    private let microBatches = GradientParts()

    /// - Parameters:
    ///   - microBatchSize: at most so many samples a forward pass; nil for no limit.
    ///   - movesStatisticsInDescent: as the authors' code does.
    package init(
        network: Network, statistics: FlatVector, microBatchSize: Int?, loss: any Loss, labelSmoothing: Float,
        movesStatisticsInDescent: Bool
    ) {
        self.network = network
        self.statistics = statistics
        self.microBatchSize = microBatchSize
        self.loss = loss
        self.labelSmoothing = labelSmoothing
        self.movesStatisticsInDescent = movesStatisticsInDescent
        pixelsPerSample = network.graph.inputShape.reduce(1, *)
    }

    package var profile: Profile? { network.profile }

    /// The batch of the evaluations that follow. It must stay valid through them.
    package func load(_ batch: Batch) { self.batch = batch }

    package var parameterCount: Int { network.graph.parameterLayout.vectorCount }
    package var groupCount: Int { batch?.shares.count ?? 0 }

    package func weight(ofGroup group: Int) -> Double {
        guard let batch else { return 0 }
        return Double(batch.shares[group].samples.count) / Double(batch.batchCount)
    }

    package func evaluate(
        group: Int, pass: Pass, at point: FlatVector, into sink: any GradientSink
    ) throws -> Evaluation {
        guard let batch, !batch.shares[group].samples.isEmpty else {
            // A share of a short last batch can be empty: this rank still takes part in the group's averaging.
            return try sink.evaluateNothing()
        }
        let samples = batch.shares[group].samples
        let runs = Self.forwardPasses(of: samples.count, atMost: microBatchSize)
        return try microBatches.forward(to: sink) {
            for run in 0..<runs {
                // Sizes that differ by one at most: few programs to make.
                let part = samples.count * run / runs..<samples.count * (run + 1) / runs
                microBatches.begin(isFirst: run == 0, isLast: run == runs - 1)
                try self.run(
                    batch, samples.lowerBound + part.lowerBound, part.count, pass, at: point,
                    gradientScale: 1 / Float(samples.count))
            }
        }
    }

    /// Samples in the forward passes of groups of these sizes: each size is a program.
    package static func runSizes(ofGroups groups: some Sequence<Int>, microBatchSize: Int?) -> Set<Int> {
        var sizes: Set<Int> = []
        for samples in Set(groups) where samples > 0 {
            let runs = forwardPasses(of: samples, atMost: microBatchSize)
            sizes.formUnion([samples / runs, (samples + runs - 1) / runs])
        }
        return sizes
    }

    private func run(
        _ batch: Batch, _ first: Int, _ count: Int, _ pass: Pass, at point: FlatVector, gradientScale: Float
    ) throws {
        let movesStatistics = pass == .clean || (pass == .descent && movesStatisticsInDescent)
        if movesStatistics { statisticsUpdates += 1 }
        try batch.withSamples(first, count, pixelsPerSample) { samples in
            _ = try network.gradient(
                samples, at: point, statistics: statistics, into: microBatches, gradientScale: gradientScale,
                loss: loss, labelSmoothing: labelSmoothing, updatesStatistics: movesStatistics)
        }
    }

    /// Forward passes in which so many samples are evaluated; their sizes differ by one at most.
    package static func forwardPasses(of samples: Int, atMost size: Int?) -> Int {
        size.map { (samples + $0 - 1) / $0 } ?? 1
    }

    /// Takes over the count of a checkpoint.
    package func restore(statisticsUpdates: Int) { self.statisticsUpdates = statisticsUpdates }
}

extension Batch {
    /// Calls `body` with `count` of the batch's samples, from `first` on.
    fileprivate func withSamples(
        _ first: Int, _ count: Int, _ pixelsPerSample: Int, _ body: (SampleBatch) throws -> Void
    ) rethrows {
        try labels.withUnsafeBufferPointer { labels in
            try sampleIndices.withUnsafeBufferPointer { indices in
                try secondLabels.withUnsafeBufferPointer { second in
                    try weights.withUnsafeBufferPointer { weights in
                        var samples = SampleBatch(
                            count: count, pixels: pixels.pointer + first * pixelsPerSample,
                            labels: labels.baseAddress.map { $0 + first },
                            sampleIndices: indices.baseAddress.map { $0 + first }, epoch: epoch)
                        if !second.isEmpty, let second = second.baseAddress, let weights = weights.baseAddress {
                            samples.mixed = MixedLabels(labels: second + first, weights: weights + first)
                        }
                        try body(samples)
                    }
                }
            }
        }
    }
}
