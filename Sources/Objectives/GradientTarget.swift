import Vectors

/// Where an evaluation accumulates its gradient: sum ← [sum +] factor · ∇, range by range during the backward pass,
/// so that no vector of its own is needed for it.
public struct GradientTarget {
    /// Of the parameters' flat layout. Padding between tensors is left as it is.
    public let sum: FlatVector
    /// On the gradient.
    public let factor: Float
    /// Whether the gradient takes the place of what `sum` holds, or is added to it.
    public let overwrites: Bool

    /// `GradientTarget(vector)` is for one who wants the gradient itself.
    public init(_ sum: FlatVector, factor: Float = 1, overwrites: Bool = true) {
        self.sum = sum
        self.factor = factor
        self.overwrites = overwrites
    }

    /// The same sum, for a gradient that is added to the first: of a further micro-batch, say.
    public var adding: GradientTarget { GradientTarget(sum, factor: factor, overwrites: false) }

    /// Accumulates a range of the gradient, `entries.count` values. Cost: one pass over it. Entries outside of the
    /// sum trap.
    public func accumulate(_ entries: Range<Int>, _ values: UnsafePointer<Float>) {
        if overwrites {
            sum.set(values, scaledBy: factor, in: entries)
        } else {
            sum.add(values, scaledBy: factor, in: entries)
        }
    }

    /// Accumulates the gradient of no samples, which is zero.
    public func accumulateNothing() {
        if overwrites { sum.fill(0) }
    }
}

/// Hears that a gradient is final from `start` on, and what the evaluation found.
public typealias WhenFinal = (_ start: Int, _ found: Evaluation) throws -> Void
