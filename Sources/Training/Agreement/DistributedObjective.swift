import Collectives
import Datasets
import Objectives
import Vectors

/// Averages over ranks what an objective's groups share: the decorator that makes m-sharpness reach past one rank.
///
/// With M at most a rank's share it adds nothing. Above that, M/share consecutive ranks hold one group, and one more
/// all-reduce among them, as large as the gradient, averages its clean gradient before it becomes a direction.
final class DistributedObjective: GroupedObjective {
    private let local: BatchObjective
    private let world: Communicator
    /// The ranks that share a group; nil where groups lie within ranks.
    private let groupRanks: Communicator?
    private var batch: Batch?

    /// Every rank must call it.
    init(_ local: BatchObjective, partition: BatchPartition, world: Communicator) throws {
        self.local = local
        self.world = world
        groupRanks =
            partition.ranksPerGroup > 1
            ? try world.split(color: world.rank / partition.ranksPerGroup, key: world.rank) : nil
    }

    func load(_ batch: Batch) {
        self.batch = batch
        local.load(batch)
    }

    /// Collectives on the communicators of groups, for counts.
    var groupCollectives: Int { groupRanks?.collectives ?? 0 }

    var parameterCount: Int { local.parameterCount }
    var groupCount: Int { local.groupCount }
    func weight(ofGroup group: Int) -> Double { local.weight(ofGroup: group) }

    func evaluate(group: Int, pass: Pass, at point: FlatVector, into sink: any GradientSink) throws -> Evaluation {
        try local.evaluate(group: group, pass: pass, at: point, into: sink)
    }

    func averageDirection(ofGroup group: Int, _ gradient: FlatVector) throws {
        guard let groupRanks, let share = batch?.shares[group] else { return }
        gradient.scale(by: Float(share.samples.count) / Float(share.groupSize))
        try local.profile.measure(.reduction, bytes: gradient.elements.count * MemoryLayout<Float>.stride) {
            try groupRanks.allReduce(gradient.elements, .sum)
        }
    }

    func sumOverBatch(_ losses: inout BatchLosses) throws {
        try withUnsafeTemporaryAllocation(of: Double.self, capacity: 3) { sums in
            sums[0] = losses.clean
            sums[1] = losses.ascent
            sums[2] = losses.descent
            try local.profile.measure(.reduction) { try world.allReduce(sums, .sum) }
            losses = BatchLosses(clean: sums[0], ascent: sums[1], descent: sums[2])
        }
    }
}
