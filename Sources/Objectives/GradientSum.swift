import Vectors

/// The sink that sums: sum ← [sum +] factor · ∇, range by range during the backward pass, so that no vector of its own
/// is needed for the gradient.
package final class GradientSum: GradientSink {
    package private(set) var sum: FlatVector
    private var factor: Float
    package private(set) var overwrites: Bool
    private var next: (any GradientSink)?

    /// `GradientSum(vector)` is for one who wants the gradient itself, `GradientSum()` for one who sets it for each
    /// evaluation.
    ///
    /// - Parameters:
    ///   - factor: on the gradient.
    ///   - overwrites: whether the gradient takes the place of what `sum` holds, or is added to it.
    package init(_ sum: FlatVector = FlatVector(count: 0), factor: Float = 1, overwrites: Bool = true) {
        self.sum = sum
        self.factor = factor
        self.overwrites = overwrites
    }

    /// For another evaluation.
    ///
    /// - Parameter next: who waits for what is ready in `sum`; nil for nobody.
    package func set(_ sum: FlatVector, factor: Float = 1, overwrites: Bool, next: (any GradientSink)? = nil) {
        self.sum = sum
        self.factor = factor
        self.overwrites = overwrites
        self.next = next
    }

    package func evaluated(_ result: Evaluation) throws { try next?.evaluated(result) }

    package func accumulate(
        _ range: Range<Int>, _ values: UnsafePointer<Float>, scaledBy factor: Float, adding: Bool
    ) {
        let factor = factor * self.factor
        if adding || !overwrites {
            sum.add(values, scaledBy: factor, in: range)
        } else {
            sum.set(values, scaledBy: factor, in: range)
        }
    }

    package func accumulateNothing() {
        if overwrites { sum.fill(0) }
    }

    package func ready(from start: Int) throws { try next?.ready(from: start) }
}
