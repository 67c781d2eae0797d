import Vectors

/// Makes one evaluation of several, of micro-batches or groups: their gradients are added, their losses too, and the
/// next sink sees the progress of the last.
package final class GradientParts: GradientSink {
    /// Of the parts so far.
    package private(set) var total = Evaluation()
    private var next: (any GradientSink)?
    private var factor: Float = 1
    private var isFirst = true
    private var isLast = true

    package init() {}

    /// Runs `body`, whose evaluations go to `next` as one.
    package func forward(to next: any GradientSink, _ body: () throws -> Void) rethrows -> Evaluation {
        self.next = next
        total = Evaluation()
        // Not kept: the next sink may hold who holds this one.
        defer { self.next = nil }
        try body()
        return total
    }

    /// Before each part.
    ///
    /// - Parameter factor: on its gradient.
    package func begin(isFirst: Bool, isLast: Bool, scaledBy factor: Float = 1) {
        self.factor = factor
        self.isFirst = isFirst
        self.isLast = isLast
    }

    package var sum: FlatVector {
        guard let next else { preconditionFailure("parts of no evaluation") }
        return next.sum
    }

    package func evaluated(_ result: Evaluation) throws {
        total += result
        if isLast { try next?.evaluated(total) }
    }

    package func accumulate(
        _ range: Range<Int>, _ values: UnsafePointer<Float>, scaledBy factor: Float, adding: Bool
    ) {
        next?.accumulate(range, values, scaledBy: factor * self.factor, adding: adding || !isFirst)
    }

    package func accumulateNothing() {
        if isFirst { next?.accumulateNothing() }
    }

    package func ready(from start: Int) throws {
        if isLast { try next?.ready(from: start) }
    }
}
