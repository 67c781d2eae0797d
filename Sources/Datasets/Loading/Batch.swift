import Vectors

/// One rank's part of a global batch, in memory that its loader fills again and again.
///
/// Valid until the loader's following `next()`.
// Sound to send: the loader's semaphores hand a batch from its thread to the caller and back; never do both touch it.
package final class Batch: @unchecked Sendable {
    /// Samples in this batch, at most ``capacity``; may be 0.
    package private(set) var count = 0
    /// capacity x C x H x W; the first `count` images are this batch's.
    package let pixels: FlatVector
    /// `count` labels.
    package private(set) var labels: [Int32] = []
    /// `count` labels of the samples that are mixed with these; empty where none are.
    package private(set) var secondLabels: [Int32] = []
    /// `count` parts that the first label has of a mix; empty where samples are not mixed.
    package private(set) var weights: [Float] = []
    /// `count` sample numbers, those of copies included (``EpochSampler/copies``).
    package private(set) var sampleIndices: [Int] = []
    /// The sharpness groups that these samples belong to.
    package private(set) var shares: [GroupShare] = []
    package private(set) var epoch = 0
    /// Counts from 0 over the whole run.
    package private(set) var step = 0
    /// Samples of the global batch over all ranks.
    package private(set) var batchCount = 0

    /// What kept the loader's thread from filling this batch: thrown when its turn comes, after the sound ones before
    /// it.
    var failure: (any Error)?

    /// What is mixed into each sample; empty where samples are not mixed.
    private var partners: [(number: Int, mix: SampleMix)] = []

    package let shape: ImageShape
    package let capacity: Int

    init(capacity: Int, shape: ImageShape) {
        self.capacity = capacity
        self.shape = shape
        pixels = FlatVector(count: capacity * shape.count)
        labels.reserveCapacity(capacity)
        sampleIndices.reserveCapacity(capacity)
    }

    /// Empties the batch. Arrays keep their memory, so that filling it again takes none.
    func begin(epoch: Int, step: Int, batchCount: Int, shares: [GroupShare]) {
        count = 0
        labels.removeAll(keepingCapacity: true)
        secondLabels.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
        partners.removeAll(keepingCapacity: true)
        sampleIndices.removeAll(keepingCapacity: true)
        self.epoch = epoch
        self.step = step
        self.batchCount = batchCount
        self.shares = shares
    }

    /// Takes a sample's place and label; its pixels are still to be written.
    ///
    /// - Parameter partner: what is mixed into it. All samples of a batch have one, or none.
    func append(_ number: Int, from source: any SampleSource, mixedWith partner: (number: Int, mix: SampleMix)? = nil) {
        precondition(count < capacity, "a batch holds \(capacity) samples")
        labels.append(source.label(of: number % source.count))
        sampleIndices.append(number)
        count += 1
        guard let partner else { return }
        secondLabels.append(source.label(of: partner.number % source.count))
        weights.append(partner.mix.weight)
        partners.append(partner)
    }

    /// Writes the pixels of the sample at a place. Several threads may, at different places.
    func write(_ place: Int, from source: any SampleSource, using workspace: SampleWorkspace) throws {
        let target = pixels.pointer + place * shape.count
        try source.write(sampleIndices[place], epoch: epoch, into: target, using: workspace)
        guard !partners.isEmpty, partners[place].mix != .none, partners[place].number != sampleIndices[place] else {
            return
        }
        let second = workspace.partner(shape.count)
        try source.write(partners[place].number, epoch: epoch, into: second, using: workspace)
        partners[place].mix.combine(target, with: second, shape)
    }
}
