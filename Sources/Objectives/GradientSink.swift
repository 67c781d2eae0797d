import Vectors

/// Where a gradient goes as a backward pass computes it: from a network's program through micro-batches and the rule
/// to the all-reduce, each of which is a sink to the one before it.
///
/// An evaluation calls, in this order,
///
/// 1. ``evaluated(_:)`` once, before the backward pass of its last micro-batch;
/// 2. ``ready(from:)`` during that pass as often as it likes, last with 0;
///
/// and before and between them ``accumulate(_:_:scaledBy:adding:)`` for each range of the gradient, once a micro-batch.
/// A sink lives as long as its owner and is set anew for each evaluation, so that a step allocates none.
package protocol GradientSink: AnyObject {
    /// What the gradient is summed in, of the parameters' flat layout. Padding is left as it is.
    ///
    /// A rule, which makes a gradient of several passes, works on it directly, up to where it has called
    /// ``ready(from:)``.
    var sum: FlatVector { get }

    /// The losses, known before the last backward pass begins.
    func evaluated(_ result: Evaluation) throws

    /// Takes a range of the gradient: factor · values, `range.count` of them, valid for the length of the call.
    ///
    /// - Parameter adding: whether the evaluation has filled the range before, in an earlier micro-batch.
    func accumulate(_ range: Range<Int>, _ values: UnsafePointer<Float>, scaledBy factor: Float, adding: Bool)

    /// Takes the gradient of no samples, which is zero.
    func accumulateNothing()

    /// The entries `start..<sum.count` have their values, and the evaluation neither reads nor writes them again.
    /// `start` never rises.
    func ready(from start: Int) throws
}

extension GradientSink {
    package func evaluated(_ result: Evaluation) throws {}

    /// sum ← [sum +] factor · values. Cost: one pass over the range. A range outside of the sum traps.
    package func accumulate(
        _ range: Range<Int>, _ values: UnsafePointer<Float>, scaledBy factor: Float, adding: Bool
    ) {
        if adding {
            sum.add(values, scaledBy: factor, in: range)
        } else {
            sum.set(values, scaledBy: factor, in: range)
        }
    }

    package func accumulateNothing() { sum.fill(0) }

    package func ready(from start: Int) throws {}

    /// A range that is given once.
    package func accumulate(_ range: Range<Int>, _ values: UnsafePointer<Float>) {
        accumulate(range, values, scaledBy: 1, adding: false)
    }

    /// The whole evaluation of no samples.
    package func evaluateNothing() throws -> Evaluation {
        let nothing = Evaluation()
        try evaluated(nothing)
        accumulateNothing()
        try ready(from: 0)
        return nothing
    }
}
