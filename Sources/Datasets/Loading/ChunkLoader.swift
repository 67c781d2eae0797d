/// Chosen samples as they are evaluated, a chunk at a time. Prepared in ``load(_:)`` itself.
package final class ChunkLoader {
    private let source: any SampleSource
    private let batch: Batch
    private let workspace = SampleWorkspace()

    /// - Parameters:
    ///   - source: with no augmentation.
    ///   - capacity: samples of the largest chunk.
    package init(source: any SampleSource, capacity: Int) {
        self.source = source
        batch = Batch(capacity: capacity, shape: source.shape)
    }

    /// The samples of these numbers, in this order; valid until the following call.
    package func load(_ numbers: some Sequence<Int>) throws -> Batch {
        batch.begin(epoch: 0, step: 0, batchCount: 0, shares: [])
        for number in numbers { batch.append(number, from: source) }
        for place in 0..<batch.count { try batch.write(place, from: source, using: workspace) }
        return batch
    }
}
