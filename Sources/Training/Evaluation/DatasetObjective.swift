import Collectives
import Compute
import Datasets
import Objectives
import Vectors

/// A network's mean cross-entropy over a data set, or some samples of it, as evaluation computes it: with running
/// statistics, without dropout and augmentation.
///
/// Samples are drawn in an order that the seed alone decides and cut into chunks of ``chunkSize``. Pairs of chunks are
/// sharded over the ranks as wholes, so that batches of twice the size have their gradients on one rank.
package final class DatasetObjective: ChunkedObjective {
    package static let chunkSize = 64
    /// Chunks that stay together.
    package static let chunksPerBatch = 2

    package let sampleCount: Int
    package let chunks: Range<Int>
    private let network: Network
    private let statistics: FlatVector
    private let loader: ChunkLoader
    private let order: KeyedPermutation
    private let microBatchSize: Int
    private let pixelsPerSample: Int
    private let parts = GradientParts()
    /// Of each micro-batch of the current chunk: what is kept, and what passes that see their own write to.
    private var kept: [Kinks] = []
    private let seen = Kinks()
    private var batch: Batch?

    /// - Parameters:
    ///   - samples: at most so many; nil for all.
    ///   - microBatchSize: at most so many samples a pass; part of what decides the last bits of a result.
    ///   - seed: of which samples are taken and how they are cut into chunks.
    package init(
        network: Network, statistics: FlatVector, dataset: any Dataset, samples: Int? = nil, microBatchSize: Int? = nil,
        seed: UInt64, rank: Int, ranks: Int
    ) throws {
        self.network = network
        self.statistics = statistics
        sampleCount = min(samples ?? dataset.count, dataset.count)
        order = KeyedPermutation(count: dataset.count, seed: seed, epoch: 0)
        self.microBatchSize = min(microBatchSize ?? Self.chunkSize, Self.chunkSize)
        pixelsPerSample = network.graph.inputShape.reduce(1, *)
        loader = ChunkLoader(source: try dataset.samples(nil, seed: 0), capacity: min(Self.chunkSize, sampleCount))
        let count = (sampleCount + Self.chunkSize - 1) / Self.chunkSize
        let batches = (count + Self.chunksPerBatch - 1) / Self.chunksPerBatch
        let own = EpochSampler.evaluationShard(count: batches, rank: rank, ranks: ranks)
        chunks = own.lowerBound * Self.chunksPerBatch..<min(own.upperBound * Self.chunksPerBatch, count)
    }

    package var layout: TensorLayout { network.graph.parameterLayout }
    package var chunkCount: Int { (sampleCount + Self.chunkSize - 1) / Self.chunkSize }

    package func samples(inChunk chunk: Int) -> Int {
        min(Self.chunkSize, sampleCount - chunk * Self.chunkSize)
    }

    package func begin(chunk: Int, at w: FlatVector, into sink: (any GradientSink)?) throws -> Evaluation {
        precondition(chunks.contains(chunk), "chunk \(chunk) is another rank's")
        let first = chunk * Self.chunkSize
        batch = try loader.load((first..<first + samples(inChunk: chunk)).lazy.map { self.order[$0] })
        return try run(at: w, into: sink) { ($0, keeps: false) }
    }

    package func evaluate(
        at point: FlatVector, _ kinks: KinkRule, into sink: (any GradientSink)?
    ) throws -> Evaluation {
        try run(at: point, into: sink) { kinks == .frozen ? ($0, keeps: true) : (seen, keeps: false) }
    }

    /// - Parameter kinks: of a pass, from those that are kept of its samples.
    private func run(
        at point: FlatVector, into sink: (any GradientSink)?, _ kinks: (Kinks) -> (Kinks, keeps: Bool)
    ) throws -> Evaluation {
        guard let batch else { preconditionFailure("no chunk has been begun") }
        let runs = BatchObjective.forwardPasses(of: batch.count, atMost: microBatchSize)
        while kept.count < runs { kept.append(Kinks()) }
        func run(_ part: Int, into sink: (any GradientSink)?) throws -> Evaluation {
            let samples = batch.count * part / runs..<batch.count * (part + 1) / runs
            let (kinks, keeps) = kinks(kept[part])
            return try batch.labels.withUnsafeBufferPointer { labels in
                try network.probe(
                    SampleBatch(
                        count: samples.count, pixels: batch.pixels.pointer + samples.lowerBound * pixelsPerSample,
                        labels: labels.baseAddress.map { $0 + samples.lowerBound }),
                    at: point, statistics: statistics, kinks, keepsKinks: keeps,
                    gradientScale: 1 / Float(batch.count), into: sink)
            }
        }
        guard let sink else {
            var total = Evaluation()
            for part in 0..<runs { total += try run(part, into: nil) }
            return total
        }
        return try parts.forward(to: sink) {
            for part in 0..<runs {
                parts.begin(isFirst: part == 0, isLast: part == runs - 1)
                _ = try run(part, into: parts)
            }
        }
    }
}

extension Communicator: ProcessSums {
    package func add(_ values: UnsafeMutableBufferPointer<Int64>) throws { try allReduce(values, .sum) }
}
