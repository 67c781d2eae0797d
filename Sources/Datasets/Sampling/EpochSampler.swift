/// The order in which an epoch visits the samples, and how it is cut into global batches.
///
/// Every sample comes exactly once an epoch. It knows no ranks: each batch's positions are sharded
/// (``BatchPartition``), so the batches are the same whatever the rank count.
///
/// With repeated augmentation (Hoffer et al. 2020, "Augment your batch") position t of the order is that of sample
/// t / copies: an epoch has as many positions, and sees a ``copies``th of the samples, each so many times in
/// succession with other random choices. Where published code (DeiT, torchvision) deals copies to different ranks, here
/// they lie side by side in a batch, mostly in the same sharpness group.
package struct EpochSampler: Sendable {
    package let sampleCount: Int
    /// Samples in a global batch; the last of an epoch may be smaller.
    package let batchSize: Int
    package let seed: UInt64
    package let order: SampleOrder
    /// Of each sample in succession; 1 without repeated augmentation.
    package let copies: Int

    package init(sampleCount: Int, batchSize: Int, seed: UInt64, order: SampleOrder = .keyed, copies: Int = 1) {
        precondition(sampleCount > 0 && batchSize > 0, "\(sampleCount) samples in batches of \(batchSize)")
        precondition(copies > 0, "\(copies) copies")
        self.copies = copies
        self.sampleCount = sampleCount
        self.batchSize = batchSize
        self.seed = seed
        self.order = order
    }

    package var stepsPerEpoch: Int { (sampleCount - 1) / batchSize + 1 }

    /// The epoch's positions that make up the global batch of its step `step`, counted from 0.
    package func positions(ofStepInEpoch step: Int) -> Range<Int> {
        precondition(step >= 0 && step < stepsPerEpoch, "step \(step) of \(stepsPerEpoch)")
        return step * batchSize..<min((step + 1) * batchSize, sampleCount)
    }

    package func order(epoch: Int) -> EpochOrder {
        switch order {
        case .keyed: .keyed(KeyedPermutation(count: sampleCount, seed: seed, epoch: epoch))
        case .windowed(let window):
            .windowed(WindowedOrder(count: sampleCount, window: window, seed: seed, epoch: epoch))
        }
    }

    /// The number of what lies at a position: a sample, plus ``sampleCount`` times which of its copies it is.
    package func number(_ position: Int, of order: EpochOrder) -> Int {
        order[position / copies] + position % copies * sampleCount
    }

    /// The sample at `position` of `epoch`, or the number of its copy.
    package func sampleIndex(epoch: Int, position: Int) -> Int { number(position, of: order(epoch: epoch)) }

    /// The samples that `rank` evaluates: contiguous, every sample on exactly one rank, sizes that differ by at most
    /// one.
    package static func evaluationShard(count: Int, rank: Int, ranks: Int) -> Range<Int> {
        (0..<count).part(rank, of: ranks)
    }
}

extension Range<Int> {
    /// Part `index` of the range cut into `parts` runs whose lengths differ by at most one.
    func part(_ index: Int, of parts: Int) -> Range<Int> {
        precondition(index >= 0 && index < parts, "part \(index) of \(parts)")
        return lowerBound + count * index / parts..<lowerBound + count * (index + 1) / parts
    }
}
