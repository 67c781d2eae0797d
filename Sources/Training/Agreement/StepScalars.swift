/// What a step reports besides its gradient, as sums over ranks: each rank puts in its share, already weighted (a mean
/// over the batch as its samples' part of it), and gets the sum.
package struct StepScalars: Sendable, Equatable {
    /// L⁰, the loss at w.
    package var loss = 0.0
    /// L⁺, the loss at w + ε.
    package var ascentLoss = 0.0
    /// L⁻, the loss at w − ε.
    package var descentLoss = 0.0
    /// ‖g0‖
    package var gradientNorm = 0.0
    /// Samples that the model got right.
    package var correct = 0.0
    package var sampleCount = 0.0

    package init() {}

    package static let fieldCount = 6

    /// Calls `body` with each field in turn: the one place that fixes their order in a message.
    package mutating func forEachField(_ body: (_ index: Int, _ value: inout Double) -> Void) {
        body(0, &loss)
        body(1, &ascentLoss)
        body(2, &descentLoss)
        body(3, &gradientNorm)
        body(4, &correct)
        body(5, &sampleCount)
    }
}
