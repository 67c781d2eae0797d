import Glibc

/// How the learning rate continues after the warm-up: a factor on its peak.
package protocol LearningRateDecay: Sendable {
    /// - Parameter position: of the step for which the rate is.
    func factor(_ position: SchedulePosition) -> Double

    /// Throws where the decay's own numbers are out of range.
    func validate() throws(OptimizerError)
}

extension LearningRateDecay {
    package func validate() throws(OptimizerError) {}

    package static func requireFraction(_ parameter: String, _ value: Double) throws(OptimizerError) {
        guard value >= 0, value <= 1 else {
            throw .outOfRange(parameter: parameter, value: value, allowed: "from 0 to 1")
        }
    }
}

/// Where in a run a step lies.
package struct SchedulePosition: Sendable {
    /// Counts from 0.
    package let step: Int
    package let stepsPerEpoch: Int
    package let totalSteps: Int
    /// Share of the steps after the warm-up that are done, from 0 to 1.
    package let progress: Double
}

/// 1 throughout.
package struct ConstantDecay: LearningRateDecay {
    package init() {}

    package func factor(_ position: SchedulePosition) -> Double { 1 }
}

/// f + (1 − f)·½(1 + cos πt) with the final fraction f (Loshchilov and Hutter, ICLR 2017, without restarts).
package struct CosineDecay: LearningRateDecay {
    package var finalFraction: Double

    package init(finalFraction: Double = 0) { self.finalFraction = finalFraction }

    package func factor(_ position: SchedulePosition) -> Double {
        finalFraction + (1 - finalFraction) * 0.5 * (1 + cos(Double.pi * position.progress))
    }

    package func validate() throws(OptimizerError) {
        try Self.requireFraction("the learning rate's final fraction", finalFraction)
    }
}

/// 1 − (1 − f)·t with the final fraction f.
package struct LinearDecay: LearningRateDecay {
    package var finalFraction: Double

    package init(finalFraction: Double = 0) { self.finalFraction = finalFraction }

    package func factor(_ position: SchedulePosition) -> Double { 1 - (1 - finalFraction) * position.progress }

    package func validate() throws(OptimizerError) {
        try Self.requireFraction("the learning rate's final fraction", finalFraction)
    }
}

/// A factor to the number of milestones reached.
package struct StepDecay: LearningRateDecay {
    /// Where the rate is multiplied; counted from step 0, warm-up included.
    package enum Milestones: Sendable, Equatable {
        /// Fractions of the whole run, each from 0 to 1: at step fraction · T, rounded.
        case fractions([Double])
        /// At the start of every Nth epoch but the first.
        case everyEpochs(Int)
    }

    package var milestones: Milestones
    package var factor: Double

    /// By default, a tenth at half and again at three quarters of the run (He et al. 2016, for CIFAR).
    package init(milestones: Milestones = .fractions([0.5, 0.75]), factor: Double = 0.1) {
        self.milestones = milestones
        self.factor = factor
    }

    package func factor(_ position: SchedulePosition) -> Double {
        switch milestones {
        case .fractions(let fractions):
            let reached = fractions.count {
                Double(position.step) >= ($0 * Double(position.totalSteps)).rounded()
            }
            return pow(factor, Double(reached))
        case .everyEpochs(let epochs):
            return pow(factor, Double(position.step / position.stepsPerEpoch / epochs))
        }
    }

    package func validate() throws(OptimizerError) {
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
}
