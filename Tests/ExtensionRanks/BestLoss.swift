import Collectives
import TensorFiles
import Training

/// The lowest loss of any step of the run, those before a restart included.
final class BestLoss: TrainingObserver, Checkpointed {
    private(set) var value = Double.infinity

    func stepEnds(_ metrics: StepMetrics) { value = min(value, metrics.loss) }

    var partName: String { "best_loss" }

    var tensors: [NamedTensor] { [NamedTensor("best_loss.value", shape: [1], .float64([value]))] }

    func restore(from file: SafeTensorsFile) throws {
        if let entry = file["best_loss.value"], case .float64(let values) = try file.read(entry).values {
            value = values.first ?? value
        }
    }

    func broadcast(_ world: Communicator) throws { value = try world.broadcast(value) }
}
