/// What a step reports besides its gradient, as sums over ranks: each rank puts in its share, already weighted (a mean
/// over the batch as its samples' part of it), and gets the sum.
public struct StepScalars: Sendable, Equatable {
    /// L⁰, the loss at w.
    public var loss = 0.0
    /// L⁺, the loss at w + ε.
    public var ascentLoss = 0.0
    /// L⁻, the loss at w − ε.
    public var descentLoss = 0.0
    /// ‖g0‖
    public var gradientNorm = 0.0
    /// (L⁺ + L⁻ − 2L⁰)/ρ²
    public var curvature = 0.0
    /// (L⁺ − L⁻)/(2ρ)
    public var slope = 0.0
    /// Samples that the model got right.
    public var correct = 0.0
    public var sampleCount = 0.0
    /// Groups whose trace term was left out, its denominator being below the floor.
    public var skippedTraceTerms = 0.0
    /// Groups whose norm term was left out.
    public var skippedNormTerms = 0.0

    public init() {}

    package static let fieldCount = 10

    /// Calls `body` with each field in turn: the one place that fixes their order in a message.
    package mutating func forEachField(_ body: (_ index: Int, _ value: inout Double) -> Void) {
        body(0, &loss)
        body(1, &ascentLoss)
        body(2, &descentLoss)
        body(3, &gradientNorm)
        body(4, &curvature)
        body(5, &slope)
        body(6, &correct)
        body(7, &sampleCount)
        body(8, &skippedTraceTerms)
        body(9, &skippedNormTerms)
    }
}
