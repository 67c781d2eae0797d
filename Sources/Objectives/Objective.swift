import Vectors

/// The three points at which a step evaluates the loss, with ε = ρ·g0/‖g0‖.
package enum Pass: Int, Sendable, CaseIterable {
    /// At w. BatchNorm's running statistics move here.
    case clean
    /// At w + ε.
    case ascent
    /// At w − ε.
    case descent
}

/// What one evaluation found besides the gradient.
package struct Evaluation: Sendable, Equatable {
    /// Mean over the samples of the group that this process holds.
    package var loss: Double
    /// How many of those samples the model got right.
    package var correct: Int
    package var sampleCount: Int

    package init(loss: Double, correct: Int = 0, sampleCount: Int = 1) {
        self.loss = loss
        self.correct = correct
        self.sampleCount = sampleCount
    }
}

/// The batch's losses at w, w + ε and w − ε, as weighted sums that become means once every share is added.
package struct BatchLosses: Sendable, Equatable {
    package var clean: Double
    package var ascent: Double
    package var descent: Double

    package init(clean: Double = 0, ascent: Double = 0, descent: Double = 0) {
        self.clean = clean
        self.ascent = ascent
        self.descent = descent
    }

    /// L⁺ + L⁻ − 2L⁰
    package var secondDifference: Double { ascent + descent - 2 * clean }
    /// L⁺ − L⁻
    package var firstDifference: Double { ascent - descent }

    /// (L⁺ + L⁻ − 2L⁰)/ρ²: the curvature along ε.
    package func curvature(radius: Double) -> Double { secondDifference / (radius * radius) }
    /// (L⁺ − L⁻)/(2ρ): the slope along ε.
    package func slope(radius: Double) -> Double { firstDifference / (2 * radius) }
}

/// Where an evaluation accumulates its gradient: sum ← [sum +] factor · ∇, range by range during the backward pass,
/// so that no vector of its own is needed for it.
package struct GradientTarget {
    /// Of the parameters' flat layout. Padding between tensors is left as it is.
    package let sum: FlatVector
    /// On the gradient.
    package let factor: Float
    /// Whether the gradient takes the place of what `sum` holds, or is added to it.
    package let overwrites: Bool

    /// `GradientTarget(vector)` is for one who wants the gradient itself.
    package init(_ sum: FlatVector, factor: Float = 1, overwrites: Bool = true) {
        self.sum = sum
        self.factor = factor
        self.overwrites = overwrites
    }

    /// The same sum, for a gradient that is added to the first: of a further micro-batch, say.
    package var adding: GradientTarget { GradientTarget(sum, factor: factor, overwrites: false) }

    /// Accumulates a range of the gradient, `entries.count` values. Cost: one pass over it. Entries outside of the
    /// sum trap.
    package func accumulate(_ entries: Range<Int>, _ values: UnsafePointer<Float>) {
        if overwrites {
            sum.set(values, scaledBy: factor, in: entries)
        } else {
            sum.add(values, scaledBy: factor, in: entries)
        }
    }

    /// Accumulates the gradient of no samples, which is zero.
    package func accumulateNothing() {
        if overwrites { sum.fill(0) }
    }
}

/// Hears that a gradient is final from `start` on, and what the evaluation found.
package typealias WhenFinal = (_ start: Int, _ found: Evaluation) throws -> Void

/// Loss and gradient at a point, on one batch.
///
/// All that a gradient rule or a probe sees of a network. The batch is in groups: samples that share one ascent
/// direction (m-sharpness). A quadratic has one group of weight 1; a network has as many as its process was given.
package protocol Objective: AnyObject {
    /// Length of every vector passed in, padding included.
    var parameterCount: Int { get }

    /// Groups of this batch that this process evaluates, wholly or in part. May be 0 in the last batch of an epoch.
    var groupCount: Int { get }

    /// Samples of `group` held here over the samples of the whole batch; over all groups and processes they sum to 1.
    func weight(ofGroup group: Int) -> Double

    /// Accumulates the mean gradient over the samples of `group` held here at `point` in `target`, whose vector is not
    /// `point`.
    ///
    /// Cost: one forward and one backward pass. Random choices inside (dropout) are the same in all three passes.
    /// - Parameter whenFinal: called between pieces of the last backward pass: the entries `start..<parameterCount`
    ///   have their values and are neither read nor written again. `start` never rises; the last call, before the
    ///   return, has 0. What is returned is known at the first call already.
    func evaluate(group: Int, pass: Pass, at point: FlatVector, into target: GradientTarget, whenFinal: WhenFinal)
        throws
        -> Evaluation

    /// Averages a clean gradient over the processes that share `group`, in place. Nothing to do where none does.
    func averageDirection(ofGroup group: Int, _ gradient: FlatVector) throws

    /// Adds the losses of all processes' shares, so that every process sees the whole batch's. Only a rule whose
    /// coefficients depend on them calls this; then every process calls it once a step.
    func sumOverBatch(_ losses: inout BatchLosses) throws
}

extension Objective {
    package var groupCount: Int { 1 }
    package func weight(ofGroup group: Int) -> Double { 1 }
    package func averageDirection(ofGroup group: Int, _ gradient: FlatVector) throws {}
    package func sumOverBatch(_ losses: inout BatchLosses) throws {}

    /// For those who need no part of the gradient before the rest.
    package func evaluate(group: Int, pass: Pass, at point: FlatVector, into target: GradientTarget) throws
        -> Evaluation
    {
        try evaluate(group: group, pass: pass, at: point, into: target) { _, _ in }
    }
}
