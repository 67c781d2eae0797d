import Glibc

/// Where the time of training steps goes: a tree of spans, a node for each phase of a step and for each operation of a
/// program, each with the time that no node within it took.
///
/// One a process, filled by what has been given it; recording costs two readings of the clock a span.
package final class Profile {
    /// What a step consists of. Forward and backward passes lie within `gradients`, whose rest is the rule's own work
    /// on vectors. `reduction` is the time in MPI's calls, wherever they are made.
    package enum Phase: String, Sendable, CaseIterable {
        case data, gradients, forward, backward, reduction, update
    }

    package enum Content: Sendable {
        case phase(Phase)
        /// An instruction of a program.
        case operation(kind: String)
        /// A reduction under way beside the tree, from its first call to the end of what hides it.
        case overlap
    }

    package struct Span: Sendable {
        package let content: Content
        /// A layer and direction, or the phase.
        package let label: String
        /// The index of the span around this one; nil for none.
        package let parent: Int?
        /// Since the profile's start.
        package let start: Double
        /// From begin to end.
        package fileprivate(set) var seconds = 0.0
        /// Without the spans within.
        package fileprivate(set) var exclusiveSeconds = 0.0
        /// Of the exclusive seconds, those in which a reduction was under way.
        package fileprivate(set) var overlappedSeconds = 0.0
        /// Floating-point operations of a convolution or matrix product, two a multiply-add; 0 for others.
        package fileprivate(set) var operations = 0.0
        /// Of the operands, each counted once; 0 where nobody counts.
        package fileprivate(set) var bytes = 0.0
    }

    /// In the order in which they began, except overlaps: those in the order of their ends. A parent stands before its
    /// children.
    package private(set) var spans: [Span] = []
    /// When time began to count, in seconds since 1970: what spans of several processes have in common.
    package private(set) var originSince1970 = Profile.read(CLOCK_REALTIME)
    private var origin = Profile.now
    /// The span that has begun last and not ended; nil for none.
    private var current: Int?
    /// Of the last reduction under way, since the profile's start; its end is infinite while it is.
    private var overlap = (start: 0.0, end: 0.0)

    package init() {}

    /// Forgets all spans; time counts from here. To be called between spans.
    package func restart() {
        spans.removeAll(keepingCapacity: true)
        current = nil
        overlap = (0, 0)
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

    /// Begins a span within the current one.
    ///
    /// - Parameter time: by ``now``, as that of all that follows.
    package func begin(_ content: Content, _ label: String, at time: Double = Profile.now) {
        spans.append(Span(content: content, label: label, parent: current, start: time - origin))
        current = spans.count - 1
    }

    /// Ends the current span.
    package func end(at time: Double = Profile.now, operations: Double = 0, bytes: Double = 0) {
        guard let index = current else { preconditionFailure("no span has begun") }
        let start = spans[index].start
        let seconds = time - origin - start
        let overlapped = max(0, min(time - origin, overlap.end) - max(start, overlap.start))
        spans[index].seconds = seconds
        spans[index].operations = operations
        spans[index].bytes = bytes
        // What is within has been taken off before.
        spans[index].exclusiveSeconds += seconds
        spans[index].overlappedSeconds += overlapped
        current = spans[index].parent
        if let parent = current {
            spans[parent].exclusiveSeconds -= seconds
            spans[parent].overlappedSeconds -= overlapped
        }
    }

    /// A reduction is under way from now on, whatever else is done.
    package func beginOverlap(at time: Double = Profile.now) { overlap = (time - origin, .infinity) }

    /// What hides the reduction is done; nothing happens where none was under way.
    package func endOverlap(at time: Double = Profile.now) {
        guard overlap.end == .infinity else { return }
        overlap.end = time - origin
        var span = Span(content: .overlap, label: "reduction", parent: nil, start: overlap.start)
        span.seconds = overlap.end - overlap.start
        spans.append(span)
    }
}

extension Profile? {
    /// Runs `body`, as a span of `phase` where there is a profile.
    package func measure<Result, Failure: Error>(
        _ phase: Profile.Phase, bytes: Int = 0, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let profile = self else { return try body() }
        profile.begin(.phase(phase), phase.rawValue)
        defer { profile.end(bytes: Double(bytes)) }
        return try body()
    }
}
