import Objectives

/// The factors of CR-SAM's three gradients in G, where a = α, b = β in the linear form and a = α/(L⁺ + L⁻ − 2L⁰),
/// b = β/(L⁺ − L⁻), with the whole batch's losses, in the log form.
package struct Coefficients {
    /// The log form skips a term in a step whose loss difference (L⁺ + L⁻ − 2L⁰ for the trace term, L⁺ − L⁻ for
    /// the norm term) is at most this, in units of the loss: on a non-convex loss a difference can be zero or
    /// negative, where its logarithm is undefined, and below this size it is rounding noise of float32 passes.
    package static let logDifferenceFloor = 1e-6

    private(set) var ascent = 1.0
    private(set) var clean = 1.0
    private(set) var descent = 1.0
    private(set) var traceTermSkipped = false
    private(set) var normTermSkipped = false

    /// The sum of the three.
    static let ones = Coefficients()

    private init() {}

    /// g⁺ + a(g⁺ + g⁻ − 2g0) + b(g⁺ − g⁻)
    init(trace a: Double, norm b: Double) {
        ascent = 1 + a + b
        clean = -2 * a
        descent = a - b
    }

    /// Of the log form.
    ///
    /// - Parameter batch: the losses of the whole batch.
    init(traceWeight: Double, normWeight: Double, _ batch: BatchLosses) {
        let (second, first) = (batch.secondDifference, batch.firstDifference)
        let hasTrace = second > Self.logDifferenceFloor
        let hasNorm = first > Self.logDifferenceFloor
        self.init(trace: hasTrace ? traceWeight / second : 0, norm: hasNorm ? normWeight / first : 0)
        traceTermSkipped = traceWeight > 0 && !hasTrace
        normTermSkipped = normWeight > 0 && !hasNorm
    }
}
