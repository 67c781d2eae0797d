import Files

/// What one step measured: a line of `metrics.jsonl`. Means are over the global batch.
package struct StepMetrics: Sendable, Equatable {
    /// Counts from 1: updates of the weights so far, this one included.
    package var step: Int
    /// Counts from 1.
    package var epoch: Int
    /// L⁰, before the update.
    package var loss: Double
    package var accuracy: Double
    package var learningRate: Double
    /// ‖g0‖, averaged over the groups that share an ascent direction.
    package var gradientNorm: Double
    /// ‖G‖ of the reduced gradient, before clipping.
    package var combinedGradientNorm: Double
    /// L⁺; nil where the method does not evaluate it, as below.
    package var ascentLoss: Double?
    package var descentLoss: Double?
    /// (L⁺ + L⁻ − 2L⁰)/ρ², the curvature along the ascent direction.
    package var curvature: Double?
    /// (L⁺ − L⁻)/(2ρ).
    package var slope: Double?
    /// Log form: steps so far whose trace or norm term was skipped.
    package var skippedTraceTerms: Int
    package var skippedNormTerms: Int
    /// Over all ranks.
    package var samplesPerSecond: Double
    package var stepSeconds: Double

    package init(
        step: Int, epoch: Int, loss: Double, accuracy: Double, learningRate: Double, gradientNorm: Double,
        combinedGradientNorm: Double, ascentLoss: Double? = nil, descentLoss: Double? = nil, curvature: Double? = nil,
        slope: Double? = nil, skippedTraceTerms: Int = 0, skippedNormTerms: Int = 0, samplesPerSecond: Double,
        stepSeconds: Double
    ) {
        self.step = step
        self.epoch = epoch
        self.loss = loss
        self.accuracy = accuracy
        self.learningRate = learningRate
        self.gradientNorm = gradientNorm
        self.combinedGradientNorm = combinedGradientNorm
        self.ascentLoss = ascentLoss
        self.descentLoss = descentLoss
        self.curvature = curvature
        self.slope = slope
        self.skippedTraceTerms = skippedTraceTerms
        self.skippedNormTerms = skippedNormTerms
        self.samplesPerSecond = samplesPerSecond
        self.stepSeconds = stepSeconds
    }

    /// Appends the line, with its line break.
    func appendJSONLine(to text: inout String) {
        text += "{\"step\":\(step),\"epoch\":\(epoch)"
        for (name, value) in [
            ("loss", loss), ("accuracy", accuracy), ("learning_rate", learningRate), ("gradient_norm", gradientNorm),
            ("combined_gradient_norm", combinedGradientNorm), ("ascent_loss", ascentLoss),
            ("descent_loss", descentLoss), ("curvature", curvature), ("slope", slope),
            ("samples_per_second", samplesPerSecond), ("step_seconds", stepSeconds),
        ] {
            text += ",\"\(name)\":"
            text.appendJSON(value)
        }
        text += ",\"skipped_trace_terms\":\(skippedTraceTerms),\"skipped_norm_terms\":\(skippedNormTerms)}\n"
    }
}

/// What one epoch came to: a row of `epochs.csv`.
package struct EpochMetrics: Sendable, Equatable {
    /// Counts from 1.
    package var epoch: Int
    /// Means over the epoch's samples, each as it was before its batch's update.
    package var trainLoss: Double
    package var trainAccuracy: Double
    /// Nil where the epoch was not evaluated.
    package var testLoss: Double?
    package var testAccuracy: Double?
    /// Of the epoch's last step.
    package var learningRate: Double
    /// Training and evaluation.
    package var seconds: Double

    package init(
        epoch: Int, trainLoss: Double, trainAccuracy: Double, testLoss: Double? = nil, testAccuracy: Double? = nil,
        learningRate: Double, seconds: Double
    ) {
        self.epoch = epoch
        self.trainLoss = trainLoss
        self.trainAccuracy = trainAccuracy
        self.testLoss = testLoss
        self.testAccuracy = testAccuracy
        self.learningRate = learningRate
        self.seconds = seconds
    }

    static let header = "epoch,train_loss,train_accuracy,test_loss,test_accuracy,learning_rate,seconds\n"

    var row: String {
        func cell(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
        return
            "\(epoch),\(trainLoss),\(trainAccuracy),\(cell(testLoss)),\(cell(testAccuracy)),\(learningRate),\(seconds)\n"
    }
}
