import Glibc
import Synchronization
import Vectors

/// Prepares one rank's batches on a thread of its own, a few steps ahead of the trainer.
///
/// Every batch depends on (source, sampler, partition, rank, step) alone: a loader that starts in the middle of a run
/// gives the batches that one from its beginning would. A step takes no memory from the heap.
///
/// One thread calls `next()`. Dropping the loader stops its thread and waits for it, at most one batch's time.
package final class BatchLoader {
    private let ring: BatchRing
    private let thread: pthread_t
    private var isHolding = false
    private var taken = 0

    /// The one handed out and two prepared ahead.
    package static let defaultSlots = 3
    /// The thread's: it copies and crops, and calls nothing deep.
    private static let stackBytes = 1 << 20

    /// - Parameters:
    ///   - steps: global steps, counted from 0 over the whole run; `lowerBound` is where to start or resume.
    ///   - slots: batches in memory: the one handed out and those prepared ahead.
    ///   - mixing: of the samples of a group; nil for none.
    ///   - threads: that prepare the samples of a batch.
    package init(
        source: any SampleSource, sampler: EpochSampler, partition: BatchPartition, rank: Int, steps: Range<Int>,
        mixing: BatchMixing? = nil, slots: Int = defaultSlots, threads: Int = 1
    ) throws(DatasetError) {
        precondition(slots >= 2, "\(slots) slots leave nothing to prepare ahead")
        precondition(source.count == sampler.sampleCount, "a sampler of \(sampler.sampleCount) for \(source.count)")
        precondition(sampler.batchSize == partition.batchSize, "sampler and partition differ in batch size")
        let crew = try SampleCrew(source, threads: threads)
        ring = BatchRing(
            source: source, sampler: sampler, partition: partition, rank: rank, steps: steps, mixing: mixing,
            slots: slots, crew: crew)
        // The thread owns a reference to the ring, not to the loader, whose deinit ends the thread.
        let context = Unmanaged.passRetained(ring)
        var thread = pthread_t()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, Self.stackBytes)
        let status = pthread_create(&thread, &attributes, runBatchRing, context.toOpaque())
        pthread_attr_destroy(&attributes)
        guard status == 0 else {
            context.release()
            throw .noPrefetchThread(reason: String(cString: strerror(status)))
        }
        self.thread = thread
    }

    deinit {
        ring.stop()
        pthread_join(thread, nil)
    }

    /// The next step's batch, valid until the following call; nil after the last step. Waits until it is ready.
    ///
    /// Throws what the source threw, now and from then on.
    package func next() throws -> Batch? {
        if isHolding {
            ring.free.signal()
            isHolding = false
            taken += 1
        }
        guard taken < ring.steps.count else { return nil }
        ring.filled.wait()
        let batch = ring.batches[taken % ring.batches.count]
        if let failure = batch.failure {
            // The thread has ended: a further call must not wait for it.
            ring.filled.signal()
            throw failure
        }
        isHolding = true
        return batch
    }
}

private func runBatchRing(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    // Only BatchLoader.init starts this, with the reference that is taken over here.
    if let context { Unmanaged<BatchRing>.fromOpaque(context).takeRetainedValue().run() }
    return nil
}

/// The slots between a loader and its thread, handed back and forth in order by two semaphores.
// Sound to share: all but the batches' contents is constant; a batch belongs to the thread until it signals `filled`,
// then to the loader until that signals `free`.
private final class BatchRing: @unchecked Sendable {
    let steps: Range<Int>
    let batches: [Batch]
    let free: Semaphore
    let filled = Semaphore(0)

    private let source: any SampleSource
    private let crew: SampleCrew
    private let sampler: EpochSampler
    private let partition: BatchPartition
    private let mixing: BatchMixing?
    // An epoch has batches of two sizes at most: their shares are worked out once.
    private let fullShares: [GroupShare]
    private let lastShares: [GroupShare]
    private let stopping = Atomic(false)
    /// The last epoch's, which is not made anew for each batch; and the window that was announced last.
    private var epochOrder: (epoch: Int, order: EpochOrder)?
    private var announced: (epoch: Int, window: Int)?

    init(
        source: any SampleSource, sampler: EpochSampler, partition: BatchPartition, rank: Int, steps: Range<Int>,
        mixing: BatchMixing?, slots: Int, crew: SampleCrew
    ) {
        self.source = source
        self.crew = crew
        self.sampler = sampler
        self.partition = partition
        self.mixing = mixing
        self.steps = steps
        fullShares = partition.shares(batchCount: sampler.positions(ofStepInEpoch: 0).count, rank: rank)
        lastShares = partition.shares(
            batchCount: sampler.positions(ofStepInEpoch: sampler.stepsPerEpoch - 1).count, rank: rank)
        let capacity = max(Self.sampleCount(fullShares), Self.sampleCount(lastShares))
        batches = (0..<slots).map { _ in Batch(capacity: capacity, shape: source.shape) }
        free = Semaphore(UInt32(slots))
    }

    private static func sampleCount(_ shares: [GroupShare]) -> Int { shares.last?.samples.upperBound ?? 0 }

    func stop() {
        stopping.store(true, ordering: .relaxed)
        free.signal()
    }

    /// The thread's whole life.
    func run() {
        for (turn, step) in steps.enumerated() {
            free.wait()
            // Ordered by the semaphore that was just passed.
            if stopping.load(ordering: .relaxed) { return }
            let batch = batches[turn % batches.count]
            do { try fill(batch, step: step) } catch { batch.failure = error }
            let failed = batch.failure != nil
            filled.signal()
            if failed { return }
        }
    }

    private func order(_ epoch: Int) -> EpochOrder {
        if let epochOrder, epochOrder.epoch == epoch { return epochOrder.order }
        let order = sampler.order(epoch: epoch)
        epochOrder = (epoch, order)
        return order
    }

    /// Lets the source fetch this window and the next ahead of their samples.
    private func announce(_ order: EpochOrder, _ epoch: Int, _ position: Int) {
        guard case .windowed(let windows) = order else { return }
        let window = windows.window(of: position / sampler.copies)
        if let announced, announced == (epoch, window) { return }
        let isFirst = announced == nil
        announced = (epoch, window)
        for coming in isFirst ? window...window + 1 : window + 1...window + 1 {
            for samples in windows.ranges(ofWindow: coming) { source.willNeed(samples) }
        }
    }

    private func fill(_ batch: Batch, step: Int) throws {
        let (epoch, stepInEpoch) = step.quotientAndRemainder(dividingBy: sampler.stepsPerEpoch)
        let positions = sampler.positions(ofStepInEpoch: stepInEpoch)
        let shares = stepInEpoch == sampler.stepsPerEpoch - 1 ? lastShares : fullShares
        let order = order(epoch)
        announce(order, epoch, positions.lowerBound)
        batch.begin(epoch: epoch, step: step, batchCount: positions.count, shares: shares)
        for share in shares {
            let mixed = mixed(share, batch)
            for position in share.positions {
                let partner = mixed.map { mixed in
                    let partner = mixed.mixing.partner(of: position, in: mixed.group)
                    return (sampler.number(positions.lowerBound + partner, of: order), mixed.mix)
                }
                batch.append(
                    sampler.number(positions.lowerBound + position, of: order), from: source, mixedWith: partner)
            }
        }
        try crew.write(batch)
    }

    /// How the samples of a share are mixed, and with which positions of the batch.
    private func mixed(
        _ share: GroupShare, _ batch: Batch
    ) -> (mixing: BatchMixing, mix: SampleMix, group: Range<Int>)? {
        guard let mixing else { return nil }
        let isWhole = mixing.group == .batch
        let mix = mixing.mix(
            step: batch.step, group: isWhole ? 0 : share.groupIndex, seed: sampler.seed, height: batch.shape.height,
            width: batch.shape.width)
        let group =
            isWhole
            ? 0..<batch.batchCount
            : partition.positions(ofGroup: share.groupIndex, batchCount: batch.batchCount)
        return (mixing, mix, group)
    }
}
