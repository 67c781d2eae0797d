import Compute
import Objectives
import Optimizers
import Vectors

extension StepScalars {
    /// This rank's share of what the step reports. Values that the method does not measure travel as 0.
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
    mutating func add(_ scalars: StepScalars, _ terms: StepTerms, seconds: Double) {
        step += 1
        skippedTraceTerms += terms.traceTermSkipped ? 1 : 0
        skippedNormTerms += terms.normTermSkipped ? 1 : 0
        epochLossSum += scalars.loss * scalars.sampleCount
        epochCorrect += scalars.correct
        epochSamples += scalars.sampleCount
        epochSeconds += seconds
    }
}

extension StepMetrics {
    /// - Parameters:
    ///   - terms: say which of the reduced scalars the method measured.
    ///   - radius: ρ.
    init(
        _ scalars: StepScalars, _ terms: StepTerms, _ progress: RunProgress, radius: Double, precision: Precision,
        epoch: Int, learningRate: Double, combinedGradientNorm: Double, seconds: Double
    ) {
        let differences =
            terms.curvature == nil
            ? nil
            : LossDifferences(
                BatchLosses(clean: scalars.loss, ascent: scalars.ascentLoss, descent: scalars.descentLoss),
                radius: radius, precision: precision)
        self.init(
            step: progress.step, epoch: epoch, loss: scalars.loss, accuracy: scalars.correct / scalars.sampleCount,
            learningRate: learningRate, gradientNorm: scalars.gradientNorm, combinedGradientNorm: combinedGradientNorm,
            ascentLoss: terms.ascentLoss == nil ? nil : scalars.ascentLoss,
            descentLoss: terms.descentLoss == nil ? nil : scalars.descentLoss, curvature: differences?.curvature,
            slope: differences?.slope, skippedTraceTerms: progress.skippedTraceTerms,
            skippedNormTerms: progress.skippedNormTerms, samplesPerSecond: scalars.sampleCount / seconds,
            stepSeconds: seconds)
    }
}
