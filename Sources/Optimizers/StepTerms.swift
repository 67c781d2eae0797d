/// The scalars of one step: weighted sums over this process's groups, so that their sums over all processes are
/// the batch's means (counts: its totals).
///
/// Which of them are nil depends on the method alone, never on the data: every process has the same ones.
public struct StepTerms: Sendable, Equatable {
    /// L⁰.
    public var loss = 0.0
    /// L⁺; nil for plain training.
    public var ascentLoss: Double?
    /// L⁻; nil unless the method evaluates it.
    public var descentLoss: Double?
    /// Σ weight·‖g0‖₂, of the direction as averaged over the processes that share the group.
    public var gradientNorm = 0.0
    /// (L⁺ + L⁻ − 2L⁰)/ρ² ≈ vᵀ∇²L v; nil unless both sides are evaluated.
    public var curvature: Double?
    /// (L⁺ − L⁻)/(2ρ) ≈ ‖∇L‖; nil unless both sides are evaluated.
    public var slope: Double?
    /// Samples held here that the model got right at w.
    public var correct = 0
    /// Samples held here.
    public var sampleCount = 0
    /// Log form: the trace term was skipped in this step. The same on every process: not to be summed over them.
    public var traceTermSkipped = false
    /// Log form: the norm term was skipped in this step. The same on every process: not to be summed over them.
    public var normTermSkipped = false

    public init() {}
}
