import Compute
import Objectives
import Optimizers
import Vectors

extension StepScalars {
    /// This rank's share of what the step reports. Values that the method does not measure are sent as 0.
    init(_ terms: StepTerms) {
        self.init()
        loss = terms.loss
        ascentLoss = terms.ascentLoss ?? 0
        descentLoss = terms.descentLoss ?? 0
        gradientNorm = terms.gradientNorm
        correct = Double(terms.correct)
        sampleCount = Double(terms.sampleCount)
    }

    var isFinite: Bool {
        loss.isFinite && ascentLoss.isFinite && descentLoss.isFinite && gradientNorm.isFinite
    }
}

extension RunProgress {
    /// Counts one more step. Called on all ranks with the same numbers, except the seconds.
    func add(_ scalars: StepScalars, _ terms: StepTerms, seconds: Double) {
        step += 1
        skippedTraceTerms += terms.traceTermSkipped ? 1 : 0
        skippedNormTerms += terms.normTermSkipped ? 1 : 0
        epochLossSum += scalars.loss * scalars.sampleCount
        epochCorrect += scalars.correct
        epochSamples += scalars.sampleCount
        epochSeconds += seconds
    }
}

extension BatchLosses {
    init(_ scalars: StepScalars) {
        self.init(clean: scalars.loss, ascent: scalars.ascentLoss, descent: scalars.descentLoss)
    }
}
