/// Batches of consecutive samples for evaluation, as they were published except for normalization: in order, each
/// sample of the shard once. Prepared in `next()` itself: evaluation runs one forward pass a sample and is not worth a
/// thread.
package final class EvaluationLoader {
    private let source: any SampleSource
    private let shard: Range<Int>
    private let batch: Batch
    private let workspace = SampleWorkspace()
    private var position: Int

    /// - Parameters:
    ///   - source: with no augmentation.
    ///   - shard: this rank's samples, from ``EpochSampler/evaluationShard(count:rank:ranks:)``; may be empty.
    package init(source: any SampleSource, shard: Range<Int>, batchSize: Int) {
        precondition(shard.lowerBound >= 0 && shard.upperBound <= source.count, "shard \(shard) of \(source.count)")
        precondition(batchSize > 0, "batches of \(batchSize)")
        self.source = source
        self.shard = shard
        batch = Batch(capacity: min(batchSize, shard.count), shape: source.shape)
        position = shard.lowerBound
    }

    /// The shard's next samples, without sharpness groups; valid until the following call; nil at the shard's end.
    package func next() throws -> Batch? {
        guard position < shard.upperBound else { return nil }
        let end = min(position + batch.capacity, shard.upperBound)
        batch.begin(epoch: 0, step: 0, batchCount: end - position, shares: [])
        for sample in position..<end { batch.append(sample, from: source) }
        for place in 0..<batch.count { try batch.write(place, from: source, using: workspace) }
        position = end
        return batch
    }

    /// Goes back to the shard's first sample.
    package func restart() { position = shard.lowerBound }
}
