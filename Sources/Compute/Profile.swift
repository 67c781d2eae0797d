import Glibc

/// Where the time of training steps goes: a span for each phase of a step and for each operation of a program.
///
/// One a process, filled by what has been given it; recording costs two readings of the clock a span.
package final class Profile {
    /// What a step consists of. Forward and backward passes lie within `gradients`, whose rest is the rule's own work
    /// on vectors. `reduction` is the time in MPI's calls, which may lie within `gradients` or `backward`; `overlap`
    /// that for which a reduction was under way behind the backward pass.
    package enum Phase: String, Sendable, CaseIterable {
        case data, gradients, forward, backward, overlap, reduction, update
    }

    package enum Content: Sendable {
        case phase(Phase)
        /// An instruction of a program.
        case operation(kind: String)
    }

    package struct Span: Sendable {
        package let content: Content
        /// A layer and direction, or the phase.
        package let label: String
        /// Since the profile's start.
        package let start: Double
        package let seconds: Double
        /// Floating-point operations of a convolution or matrix product, two a multiply-add; 0 for others.
        package let operations: Double
        /// Of the operands, each counted once; 0 where nobody counts.
        package let bytes: Double
    }

    package private(set) var spans: [Span] = []
    /// When time began to count, in seconds since 1970: what spans of several processes have in common.
    package private(set) var originSince1970 = Profile.read(CLOCK_REALTIME)
    private var origin = Profile.now

    package init() {}

    /// Forgets all spans; time counts from here.
    package func restart() {
        spans.removeAll(keepingCapacity: true)
        origin = Self.now
        originSince1970 = Self.read(CLOCK_REALTIME)
    }

    /// In seconds, from a point of the process's own.
    package static var now: Double { read(CLOCK_MONOTONIC) }

    private static func read(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
    }

    /// A span from `start` to `end`, both by ``now``.
    package func add(
        _ content: Content, _ label: String, from start: Double, to end: Double = Profile.now, operations: Double = 0,
        bytes: Double = 0
    ) {
        spans.append(
            Span(
                content: content, label: label, start: start - origin, seconds: end - start, operations: operations,
                bytes: bytes))
    }
}

extension Profile? {
    /// Runs `body`, as a span of `phase` where there is a profile.
    package func measure<Result, Failure: Error>(
        _ phase: Profile.Phase, bytes: Int = 0, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let profile = self else { return try body() }
        let start = Profile.now
        defer { profile.add(.phase(phase), phase.rawValue, from: start, bytes: Double(bytes)) }
        return try body()
    }
}
