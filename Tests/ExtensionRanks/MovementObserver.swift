import Training
import Vectors

/// Keeps the weights before and after every Nth step, as `--movement-every` says. An observer sees the weights where a
/// checkpoint is due: here `--checkpoint-every` must be 1.
final class MovementObserver: TrainingObserver {
    private(set) var run: RunDescription?
    private(set) var steps: [StepMetrics] = []
    private(set) var movements: [(step: Int, before: FlatVector, after: FlatVector)] = []
    private var last: FlatVector?

    func runBegins(_ run: RunDescription) { self.run = run }

    func stepEnds(_ metrics: StepMetrics) { steps.append(metrics) }

    func checkpointIsDue(_ state: CheckpointContents) {
        let weights = FlatVector(state.model.weights.elements)
        if let before = last, let every = run?.configuration[.movementEvery],
            state.progress.step % every == 0
        {
            movements.append((state.progress.step, before, weights))
        }
        last = weights
    }
}
