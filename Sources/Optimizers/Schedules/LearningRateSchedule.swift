/// The learning rate η of every step, a function of the step alone: nothing to save, the same after a restart.
///
/// With W = warmupEpochs · stepsPerEpoch rounded, T = totalSteps and t = (step − W)/(T − W), step counted from 0:
///
/// | | η / peak |
/// |---|---|
/// | step < W | (step + 1)/W, so that no step has rate 0 |
/// | constant | 1 |
/// | cosine, final fraction f | f + (1 − f)·½(1 + cos πt) |
/// | linear, final fraction f | 1 − (1 − f)·t |
/// | step | factor to the number of milestones reached |
///
/// The final fraction is what step T would have; the last step, T − 1, lies just above it. A warm-up longer than the
/// run never reaches the peak.
package struct LearningRateSchedule: Sendable {
    package let peak: Double
    package let decay: any LearningRateDecay
    package let warmupEpochs: Double

    /// - Parameters:
    ///   - peak: finite and at least 0.
    ///   - decay: what follows the warm-up.
    ///   - warmupEpochs: finite and at least 0; parts of an epoch count.
    package init(peak: Double, decay: some LearningRateDecay, warmupEpochs: Double = 0) throws(OptimizerError) {
        try OptimizerError.require("the learning rate", peak, in: 0...)
        try OptimizerError.require("the warm-up", warmupEpochs, in: 0...)
        try decay.validate()
        self.peak = peak
        self.decay = decay
        self.warmupEpochs = warmupEpochs
    }

    /// Steps over which the rate rises.
    package func warmupSteps(stepsPerEpoch: Int) -> Int {
        // Far beyond any run, yet no overflow in Int.
        Int(min((warmupEpochs * Double(stepsPerEpoch)).rounded(), 0x1p52))
    }

    /// η of `step`, counted from 0. A step past the end has the rate of the end.
    package func learningRate(step: Int, stepsPerEpoch: Int, totalSteps: Int) -> Double {
        precondition(step >= 0 && stepsPerEpoch > 0 && totalSteps >= 0)
        let warmup = warmupSteps(stepsPerEpoch: stepsPerEpoch)
        if step < warmup { return peak * Double(step + 1) / Double(warmup) }
        let progress = min(1, Double(step - warmup) / Double(max(1, totalSteps - warmup)))
        return peak
            * decay.factor(
                SchedulePosition(
                    step: step, stepsPerEpoch: stepsPerEpoch, totalSteps: totalSteps, progress: progress))
    }
}
