import Objectives

/// The scalars of one step: weighted sums over this process's groups, so that their sums over all processes are
/// the batch's means (counts: its totals).
///
/// Which of them are nil depends on the method alone, never on the data: every process has the same ones.
package struct StepTerms: Sendable, Equatable {
    /// L⁰.
    package var loss = 0.0
    /// L⁺; nil for plain training.
    package var ascentLoss: Double?
    /// L⁻; nil unless the method evaluates it.
    package var descentLoss: Double?
    /// Σ weight·‖g0‖₂, of the direction as averaged over the processes that share the group.
    package var gradientNorm = 0.0
    /// (L⁺ + L⁻ − 2L⁰)/ρ² ≈ vᵀ∇²L v; nil unless both sides are evaluated.
    package var curvature: Double?
    /// (L⁺ − L⁻)/(2ρ) ≈ ‖∇L‖; nil unless both sides are evaluated.
    package var slope: Double?
    /// Samples of this process that the model got right at w.
    package var correct = 0
    /// Samples of this process.
    package var sampleCount = 0
    /// Log form: the trace term was skipped in this step. The same on every process: not to be summed over them.
    package var traceTermSkipped = false
    /// Log form: the norm term was skipped in this step. The same on every process: not to be summed over them.
    package var normTermSkipped = false

    package init() {}
}

extension StepTerms {
    /// Of a group's clean pass.
    package mutating func addClean(_ result: Evaluation, weight: Double) {
        loss.add(result.loss, weight: weight)
        correct += result.correct
        sampleCount += result.sampleCount
    }

    /// Losses on both sides, over all groups.
    mutating func add(_ losses: BatchLosses, radius: Double) {
        ascentLoss = losses.ascent
        descentLoss = losses.descent
        curvature = losses.curvature(radius: radius)
        slope = losses.slope(radius: radius)
    }

    mutating func addSkipped(of coefficients: Coefficients) {
        traceTermSkipped = coefficients.traceTermSkipped
        normTermSkipped = coefficients.normTermSkipped
    }
}

extension Double {
    /// A term of a weighted sum. What has no weight is not read: it can be the loss of no samples.
    package mutating func add(_ value: Double, weight: Double) {
        if weight != 0 { self += weight * value }
    }
}
