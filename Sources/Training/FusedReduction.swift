import Collectives
import Vectors

/// The one message of a step: [ gradient | statistics | scalars | fingerprint ], summed over all ranks by a single
/// all-reduce of float32.
///
/// A rank writes its weighted shares into ``gradient`` and ``statistics`` and calls ``reduce(scalars:fingerprint:)``; then
/// they hold the sums, the same bits on every rank. Weighting is the caller's: a mean is the sum of shares whose weights
/// sum to 1.
public final class FusedReduction {
    /// G, of the parameter vector's shape.
    public let gradient: FlatVector
    /// What the replicas average besides: BatchNorm's running means and variances.
    public let statistics: FlatVector

    /// Floats behind the gradient and the statistics.
    public static let tailCount = StepScalars.fieldCount * ExactSum.digitCount + ReplicaAgreement.floatCount

    private let buffer: FlatVector
    private let tail: FlatVector
    private let communicator: Communicator

    /// Every rank must call it, with the same counts. Cost: one collective of 16 bytes, which compares their sum.
    ///
    /// Throws on every rank when the lengths differ (`MPIError`) or the ranks are too many to sum exactly
    /// (``TooManyRanks``).
    public init(gradientCount: Int, statisticsCount: Int, communicator: Communicator) throws {
        guard communicator.size <= ExactSum.maximumRanks else { throw TooManyRanks(count: communicator.size) }
        let tailStart = gradientCount + statisticsCount
        try communicator.checkEqualCount(tailStart)
        buffer = FlatVector(count: tailStart + Self.tailCount)
        gradient = buffer.slice(0..<gradientCount)
        statistics = buffer.slice(gradientCount..<tailStart)
        tail = buffer.slice(tailStart..<buffer.count)
        self.communicator = communicator
    }

    /// Bytes that ``reduce(scalars:fingerprint:)`` sends.
    public var byteCount: Int { buffer.count * MemoryLayout<Float>.stride }

    /// Sums the gradient, the statistics and `scalars` over all ranks, and compares `fingerprint` between them.
    ///
    /// Every rank must call it. The scalars are summed as Doubles: exactly, but for the last rounding (see `ExactSum`).
    /// Cost: one collective of ``byteCount`` bytes and no allocation. One rank alone goes the same way, and the count of
    /// its communicator says so; MPI moves nothing then.
    ///
    /// Throws ``ReplicaDisagreement`` on every rank alike when the fingerprints differ, after a second small collective
    /// that finds out whose; the sums are then those of different models, not to be used.
    public func reduce(scalars: inout StepScalars, fingerprint: UInt64) throws {
        let digits = tail.pointer
        let agreement = digits + StepScalars.fieldCount * ExactSum.digitCount
        scalars.forEachField { index, value in ExactSum.encode(value, into: digits + index * ExactSum.digitCount) }
        ReplicaAgreement.encode(fingerprint, into: agreement)
        try communicator.allReduce(buffer.elements, .sum)
        scalars.forEachField { index, value in value = ExactSum.decode(digits + index * ExactSum.digitCount) }
        if !ReplicaAgreement.holds(agreement, rankCount: communicator.size) {
            throw ReplicaDisagreement(fingerprints: try communicator.allGather(fingerprint))
        }
    }
}

/// More ranks than one fused reduction can sum exactly.
public struct TooManyRanks: Error, Equatable, CustomStringConvertible {
    public let count: Int

    public var description: String {
        "\(count) ranks are more than the \(ExactSum.maximumRanks) whose sums are exact: start fewer, "
            + "with more threads each"
    }
}
