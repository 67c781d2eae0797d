import Glibc

/// The decay d of an exponential moving average of the weights, ema ← d·ema + (1 − d)·w after every update.
package struct AverageDecay: Sendable {
    /// The weight of what the average was, from 0 to below 1; 1/(1 − d) updates are what it looks back.
    package let decay: Double
    /// Whether the first updates decay faster, as timm's ModelEmaV3 with `use_warmup`.
    package let warmsUp: Bool

    /// Throws unless the decay is from 0 to below 1.
    package init(_ decay: Double, warmsUp: Bool = false) throws(OptimizerError) {
        try OptimizerError.require("EMA decay", decay, in: 0..<1)
        self.decay = decay
        self.warmsUp = warmsUp
    }

    /// Of the update that is the `count`th of the run, from 1: d, as in timm's ModelEmaV2; with the warm-up
    /// min(d, 1 − n^(−2/3)) where n is `count`, so that the first takes the weights as they are (ModelEmaV3,
    /// with its gamma of 1 and power of 2/3).
    package func value(atUpdate count: Int) -> Double {
        warmsUp ? min(decay, 1 - pow(Double(max(count, 1)), -2.0 / 3)) : decay
    }
}
