import Collectives
import Compute
import Datasets
import Vectors

/// Mean loss and share of correct predictions over a data set.
package struct EvaluationResult: Sendable, Equatable {
    package var loss: Double
    package var accuracy: Double
    package var sampleCount: Int
}

/// Evaluates a model on a data set spread over the ranks: every sample once, whatever the rank count.
package final class Evaluator {
    private let network: Network
    private let scored: ScoredClasses?
    private let loader: EvaluationLoader
    private let world: Communicator

    /// - Parameter batchSize: samples in one forward pass on one rank.
    package init(network: Network, dataset: any Dataset, batchSize: Int, world: Communicator) throws {
        self.network = network
        self.world = world
        scored = dataset.scoredClasses.map {
            ScoredClasses($0, classCount: network.graph.classCount, batchSize: batchSize)
        }
        loader = try EvaluationLoader(
            source: dataset.samples(nil, seed: 0),
            shard: EpochSampler.evaluationShard(count: dataset.count, rank: world.rank, ranks: world.size),
            batchSize: batchSize)
    }

    /// Every rank must call it; the result is the same on all. One small all-reduce.
    ///
    /// Throws ``NonFiniteEvaluation`` on all ranks alike.
    package func run(at weights: FlatVector, statistics: FlatVector) throws -> EvaluationResult {
        loader.restart()
        var sums = [0.0, 0.0, 0.0]
        while let batch = try loader.next() {
            let result = try batch.labels.withUnsafeBufferPointer { labels in
                try network.evaluate(
                    SampleBatch(count: batch.count, pixels: batch.pixels.pointer, labels: labels.baseAddress),
                    at: weights, statistics: statistics, logits: scored?.logits)
            }
            let part = scored?.evaluate(labels: batch.labels[..<batch.count])
            sums[0] += part?.lossSum ?? result.lossSum
            sums[1] += Double(part?.correct ?? result.correct)
            sums[2] += Double(batch.count)
        }
        try sums.withUnsafeMutableBufferPointer { try world.allReduce($0, .sum) }
        guard sums[0].isFinite else { throw NonFiniteEvaluation(loss: sums[0] / sums[2]) }
        return EvaluationResult(loss: sums[0] / sums[2], accuracy: sums[1] / sums[2], sampleCount: Int(sums[2]))
    }
}
