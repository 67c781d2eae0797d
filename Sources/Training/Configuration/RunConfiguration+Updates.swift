import Models
import Optimizers
import Vectors

/// What becomes of the reduced gradient.
extension RunConfiguration {
    /// Peak learning rate, for a batch of ``learningRateBatch``.
    package var learningRate: Double {
        get { givenLearningRate ?? optimizer.learningRate }
        set { givenLearningRate = newValue }
    }

    /// Peak learning rate of the run's own batch: η·B/N or η·√(B/N) of the rate η for N samples.
    package var peakLearningRate: Double {
        guard let given = learningRateBatch else { return learningRate }
        return learningRate * learningRateScaling.factor(Double(batchSize) / Double(given))
    }

    /// How the run comes to its rate, in a line for people; nil where it is the one that was given.
    package var learningRateText: String? {
        guard let given = learningRateBatch else { return nil }
        return "learning rate \(Float(peakLearningRate)): \(Float(learningRate)) for "
            + "\(given) sample\(given == 1 ? "" : "s"), scaled to \(batchSize) (\(learningRateScaling.rawValue))"
    }

    package var weightDecay: Double {
        get { givenWeightDecay ?? optimizer.weightDecay }
        set { givenWeightDecay = newValue }
    }

    /// What the optimizer reads besides rate and decay.
    package var updateHyperparameters: UpdateHyperparameters {
        UpdateHyperparameters(momentum: momentum, nesterov: nesterov)
    }

    package func makeOptimizer(_ layout: TensorLayout) throws(OptimizerError) -> any Optimizer {
        try optimizer.make(layout.vectorCount, parameterGroups(layout), updateHyperparameters)
    }

    /// Decay and rate of each tensor.
    package func parameterGroups(_ layout: TensorLayout) -> [ParameterGroup] {
        let scales = layerOrder?.rateScales(layout, decay: layerDecay)
        return ParameterGroup.groups(layout, merged: !optimizer.isLayerWise) { index, tensor in
            (weightDecayOn == .all || tensor.isMatrix ? weightDecay : 0, scales?[index] ?? 1)
        }
    }

    /// Nil for a model whose layers have no order.
    var layerOrder: LayerOrder? { (try? modelCatalog.entry(model))?.layerOrder }

    /// Nil where no average of the weights is kept.
    package func makeAverageDecay() throws(OptimizerError) -> AverageDecay? {
        emaDecay > 0 ? try AverageDecay(emaDecay, warmsUp: warmsUpEMA) : nil
    }

    /// - Parameter runEpochs: length of the run, parts of an epoch included.
    package func makeSchedule(runEpochs: Double) throws(OptimizerError) -> LearningRateSchedule {
        try LearningRateSchedule(
            peak: peakLearningRate, decay: schedule.decay,
            warmupEpochs: warmupEpochs ?? schedule.warmupEpochs(runEpochs))
    }
}
