import Glibc

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
package struct LearningRateSchedule: Sendable, Equatable {
    /// What follows the warm-up.
    package enum Decay: Sendable, Equatable {
        case constant
        case cosine(finalFraction: Double = 0)
        case linear(finalFraction: Double = 0)
        /// By default, a tenth at half and again at three quarters of the run (He et al. 2016, for CIFAR).
        case step(milestones: Milestones = .fractions([0.5, 0.75]), factor: Double = 0.1)
    }

    /// Where a step schedule multiplies by its factor; counted from step 0, warm-up included.
    package enum Milestones: Sendable, Equatable {
        /// Fractions of the whole run, each from 0 to 1: at step fraction · T, rounded.
        case fractions([Double])
        /// At the start of every Nth epoch but the first.
        case everyEpochs(Int)
    }

    package let peak: Double
    package let decay: Decay
    package let warmupEpochs: Double

    /// - Parameters:
    ///   - peak: finite and at least 0.
    ///   - warmupEpochs: finite and at least 0; parts of an epoch count.
    package init(peak: Double, decay: Decay, warmupEpochs: Double = 0) throws(OptimizerError) {
        try OptimizerError.require("the learning rate", peak, in: 0...)
        try OptimizerError.require("the warm-up", warmupEpochs, in: 0...)
        switch decay {
        case .constant: break
        case .cosine(let fraction), .linear(let fraction):
            try Self.requireFraction("the learning rate's final fraction", fraction)
        case .step(let milestones, let factor):
            try OptimizerError.requirePositive("the step schedule's factor", factor)
            switch milestones {
            case .fractions(let fractions):
                for fraction in fractions { try Self.requireFraction("a step schedule's milestone", fraction) }
            case .everyEpochs(let epochs):
                guard epochs > 0 else {
                    throw .outOfRange(
                        parameter: "the step schedule's interval", value: Double(epochs), allowed: "1 epoch or more")
                }
            }
        }
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
        switch decay {
        case .constant:
            return peak
        case .cosine(let fraction):
            return peak * (fraction + (1 - fraction) * 0.5 * (1 + cos(Double.pi * progress)))
        case .linear(let fraction):
            return peak * (1 - (1 - fraction) * progress)
        case .step(.fractions(let fractions), let factor):
            let reached = fractions.count { Double(step) >= ($0 * Double(totalSteps)).rounded() }
            return peak * pow(factor, Double(reached))
        case .step(.everyEpochs(let epochs), let factor):
            return peak * pow(factor, Double(step / stepsPerEpoch / epochs))
        }
    }

    private static func requireFraction(_ parameter: String, _ value: Double) throws(OptimizerError) {
        guard value >= 0, value <= 1 else {
            throw .outOfRange(parameter: parameter, value: value, allowed: "from 0 to 1")
        }
    }
}
