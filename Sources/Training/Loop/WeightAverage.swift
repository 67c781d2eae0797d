import Collectives
import Compute
import Datasets
import Optimizers
import TensorFiles

/// An exponential moving average (EMA) of the weights w and of BatchNorm's running statistics, as timm's ModelEmaV2:
///
///     ema ← w before the first update;  ema ← d·ema + (1 − d)·w after each
///
/// Every rank has one and gives it the same values: all replicas are the same, so no message is needed. Cost: one pass
/// over two vectors a step, one vector more. It lies in a checkpoint as a model of its own.
package final class WeightAverage: TrainingObserver {
    /// The average as a model.
    package let model: ModelState
    private let source: ModelState
    private let decay: AverageDecay
    /// Whether ``model`` holds an average by now.
    private var isBegun = false

    /// - Parameters:
    ///   - source: the weights as they are trained, a model of this graph.
    package init(of source: ModelState, _ graph: Graph, _ decay: AverageDecay) {
        self.source = source
        self.decay = decay
        model = ModelState(graph)
    }

    package func stepBegins(_ batch: Batch) {
        if isBegun { return }
        model.weights.copy(from: source.weights)
        model.statistics.copy(from: source.statistics)
        isBegun = true
    }

    package func stepEnds(_ metrics: StepMetrics) {
        let decay = decay.value(atUpdate: metrics.step)
        model.weights.average(source.weights, decay: decay)
        model.statistics.average(source.statistics, decay: decay)
    }

    /// Continues from a checkpoint's average.
    ///
    /// - Parameter name: the model's, for messages.
    func restore(from file: SafeTensorsFile, model name: String) throws {
        try model.readModel(file, model: name)
        isBegun = true
    }

    /// Makes this rank's average equal to rank 0's. Every rank must call it.
    func broadcast(_ world: Communicator) throws {
        isBegun = try world.broadcast(Int64(isBegun ? 1 : 0)) == 1
        if isBegun { try model.broadcast(world) }
    }
}
