import Collectives
import Compute
import Objectives
import Vectors

/// The one reduction of a step: [ fingerprint and scalars | statistics | gradient ], summed over all ranks in float32.
///
/// A rank writes its weighted shares into ``gradient`` and ``statistics`` and calls ``reduce(scalars:fingerprint:)``;
/// then they hold the sums, bitwise identical on every rank. Weighting is the caller's: a mean is the sum of shares
/// whose weights sum to 1.
///
/// A small buffer is one collective. A large one goes in buckets, from the end of the gradient to its
/// start, which is the order in which a backward pass finishes it: ``ready(from:)`` sends those that are final while
/// the pass continues. The bytes are the same, and buckets are cut by their size alone, so results are the same from
/// run to run.
package final class FusedReduction: GradientSink {
    /// G, of the parameter vector's shape.
    package let gradient: FlatVector
    /// What the replicas average besides: BatchNorm's running means and variances.
    package let statistics: FlatVector

    /// Floats before the statistics and the gradient.
    package let headCount: Int

    /// Takes the time in MPI's calls, and for which buckets were under way behind the backward pass.
    var profile: Profile?

    private let buffer: FlatVector
    /// Of the buffer, in the order in which they leave: from its end to its start.
    private let buckets: [Bucket]
    private var startedCount = 0
    private var finishedCount = 0
    private let gradientStart: Int
    private let communicator: Communicator

    /// A class, as a request cannot be copied into an array.
    private final class Bucket {
        let range: Range<Int>
        var request: Request?

        init(_ range: Range<Int>) { self.range = range }
    }

    /// Every rank must call it, with the same counts. Cost: one collective of 16 bytes, which compares their sum.
    ///
    /// - Parameters:
    ///   - sumCount: of further scalars, such as metrics.
    ///   - bucketBytes: the least size of a bucket; nil for one bucket, after the backward pass.
    ///
    /// Throws on every rank when the lengths differ (`MPIError`) or the ranks are too many to sum exactly
    /// (``TooManyRanks``).
    package init(
        gradientCount: Int, statisticsCount: Int, sumCount: Int = 0, bucketBytes: Int? = nil, communicator: Communicator
    ) throws {
        guard communicator.size <= ExactSum.maximumRanks else { throw TooManyRanks(count: communicator.size) }
        headCount = (StepScalars.fieldCount + sumCount) * ExactSum.digitCount + ReplicaAgreement.floatCount
        let unit = FlatVector.alignedFloats
        // Unused floats in front, so that the gradient begins on a boundary.
        let gradientStart = (headCount + statisticsCount + unit - 1) / unit * unit
        self.gradientStart = gradientStart
        let first = gradientStart - statisticsCount - headCount
        let end = gradientStart + gradientCount
        try communicator.checkEqualCount(gradientCount + statisticsCount)
        self.communicator = communicator

        let least = bucketBytes.map { max($0 / MemoryLayout<Float>.stride, 1) } ?? end
        let bucketCount = communicator.size == 1 ? 1 : max(1, (end - first) / least)
        let length = ((end - first) / bucketCount + unit - 1) / unit * unit
        // What is left for the last holds at least the head and the statistics.
        let inner = (1..<bucketCount + 1).map { end - $0 * length }.filter { $0 > gradientStart }
        buckets = zip(inner + [first], [end] + inner).map { Bucket($0..<$1) }

        buffer = FlatVector(count: end)
        gradient = buffer.slice(gradientStart..<end)
        statistics = buffer.slice(gradientStart - statisticsCount..<gradientStart)
    }

    /// Bytes that a step sends.
    package var byteCount: Int { buckets.reduce(0) { $0 + $1.range.count } * MemoryLayout<Float>.stride }
    /// Collectives of a step.
    package var bucketCount: Int { buckets.count }

    package var sum: FlatVector { gradient }

    /// The gradient-ready hook: sends the buckets of ``gradient`` that lie from `start` on, and lets those under way
    /// make progress.
    ///
    /// Ranks may call it at other times or not at all; ``reduce(scalars:fingerprint:)`` sends the rest.
    package func ready(from start: Int) throws {
        if buckets.count == 1 { return }
        try profile.measure(.reduction) {
            // The last bucket carries the head, which is not known yet.
            while startedCount < buckets.count - 1, buckets[startedCount].range.lowerBound >= gradientStart + start {
                if startedCount == 0 { profile?.beginOverlap() }
                try send(buckets[startedCount])
            }
            try makeProgress()
        }
    }

    /// Sums the gradient, the statistics and `scalars` over all ranks, and compares `fingerprint` between them.
    ///
    /// Every rank must call it. The scalars are summed as Doubles: exactly, except for the last rounding (see
    /// `ExactSum`). Cost: ``bucketCount`` collectives of ``byteCount`` bytes together. One rank alone does the same,
    /// and its communicator counts it; MPI moves nothing then.
    ///
    /// Throws ``ReplicaDisagreement`` on every rank alike when the fingerprints differ, after a second small collective
    /// that determines whose; the sums are then those of different models, not to be used.
    package func reduce(scalars: inout StepScalars, fingerprint: UInt64) throws {
        var none: [Double] = []
        try reduce(scalars: &scalars, sums: &none, fingerprint: fingerprint)
    }

    /// The same with further scalars, as many as were announced.
    package func reduce(scalars: inout StepScalars, sums: inout [Double], fingerprint: UInt64) throws {
        let digits = statistics.pointer - headCount
        let further = digits + StepScalars.fieldCount * ExactSum.digitCount
        let agreement = further + sums.count * ExactSum.digitCount
        precondition(agreement + ReplicaAgreement.floatCount == statistics.pointer, "other sums than announced")
        scalars.forEachField { index, value in ExactSum.encode(value, into: digits + index * ExactSum.digitCount) }
        for index in sums.indices { ExactSum.encode(sums[index], into: further + index * ExactSum.digitCount) }
        ReplicaAgreement.encode(fingerprint, into: agreement)
        profile?.endOverlap()
        try profile.measure(.reduction, bytes: byteCount) { try exchange() }
        scalars.forEachField { index, value in value = ExactSum.decode(digits + index * ExactSum.digitCount) }
        for index in sums.indices { sums[index] = ExactSum.decode(further + index * ExactSum.digitCount) }
        if !ReplicaAgreement.holds(agreement, rankCount: communicator.size) {
            throw ReplicaDisagreement(fingerprints: try communicator.allGather(fingerprint))
        }
    }

    private func exchange() throws {
        if buckets.count == 1 { return try communicator.allReduce(elements(buckets[0]), .sum) }
        while startedCount < buckets.count { try send(buckets[startedCount]) }
        while finishedCount < buckets.count {
            try buckets[finishedCount].request.take()?.wait()
            finishedCount += 1
        }
        (startedCount, finishedCount) = (0, 0)
    }

    private func send(_ bucket: Bucket) throws(MPIError) {
        bucket.request = try communicator.startAllReduce(elements(bucket), .sum, owner: self)
        startedCount += 1
    }

    private func makeProgress() throws(MPIError) {
        // One call lets all that is under way make progress; the oldest is the first to be complete.
        while finishedCount < startedCount {
            guard try buckets[finishedCount].request?.test() ?? true else { return }
            buckets[finishedCount].request = nil
            finishedCount += 1
        }
    }

    private func elements(_ bucket: Bucket) -> UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(start: buffer.pointer + bucket.range.lowerBound, count: bucket.range.count)
    }
}

/// More ranks than one fused reduction can sum exactly.
package struct TooManyRanks: Error, Equatable, CustomStringConvertible {
    package let count: Int

    package var description: String {
        "\(count) ranks are more than the \(ExactSum.maximumRanks) whose sums are exact: start fewer, "
            + "with more threads each"
    }
}
