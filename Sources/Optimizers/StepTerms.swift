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
    /// Samples held here that the model got right at w.
    package var correct = 0
    /// Samples held here.
    package var sampleCount = 0
    /// Log form: the trace term was skipped in this step. The same on every process: not to be summed over them.
    package var traceTermSkipped = false
    /// Log form: the norm term was skipped in this step. The same on every process: not to be summed over them.
    package var normTermSkipped = false

    package init() {}
}
