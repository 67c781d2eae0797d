import Collectives
import TensorFiles

/// The best evaluation of a run so far, those before a restart included: the highest accuracy on the test images, of
/// the weights' average where there is one. Its checkpoint is kept.
///
/// On every rank, with the same values on all: they decide when all ranks make a checkpoint.
package final class BestEvaluation: TrainingObserver, Checkpointed {
    package struct Result: Sendable, Equatable {
        package var step: Int
        package var epoch: Int
        package var accuracy: Double

        package init(step: Int, epoch: Int, accuracy: Double) {
            (self.step, self.epoch, self.accuracy) = (step, epoch, accuracy)
        }
    }

    /// Nil before the first evaluation.
    package private(set) var result: Result?
    private var step = 0

    private static let countsName = "best.counts"
    private static let accuracyName = "best.accuracy"

    package init() {}

    package func stepEnds(_ metrics: StepMetrics) { step = metrics.step }

    /// Of equal ones the first stays.
    package func epochEnds(_ metrics: EpochMetrics) {
        guard let accuracy = metrics.selectionAccuracy, accuracy > result?.accuracy ?? -1 else { return }
        result = Result(step: step, epoch: metrics.epoch, accuracy: accuracy)
    }

    package var partName: String { "best" }

    package var tensors: [NamedTensor] {
        [
            NamedTensor(Self.countsName, shape: [2], .int64([result?.step ?? 0, result?.epoch ?? 0])),
            NamedTensor(Self.accuracyName, shape: [1], .float64([result?.accuracy ?? -1])),
        ]
    }

    package func restore(from file: SafeTensorsFile) throws {
        guard let countsEntry = file[Self.countsName], let accuracyEntry = file[Self.accuracyName],
            case .int64(let counts) = try file.read(countsEntry).values, counts.count == 2,
            case .float64(let accuracy) = try file.read(accuracyEntry).values, accuracy.count == 1
        else {
            throw CheckpointError.otherTensors(
                path: file.path, summary: "missing \(Self.countsName) or \(Self.accuracyName)")
        }
        set(counts[0], counts[1], accuracy[0])
    }

    package func broadcast(_ world: Communicator) throws {
        var values = [Double(result?.step ?? 0), Double(result?.epoch ?? 0), result?.accuracy ?? -1]
        try values.withUnsafeMutableBufferPointer { try world.broadcast($0) }
        set(Int(values[0]), Int(values[1]), values[2])
    }

    private func set(_ step: Int, _ epoch: Int, _ accuracy: Double) {
        result = step > 0 ? Result(step: step, epoch: epoch, accuracy: accuracy) : nil
    }
}

extension EpochMetrics {
    /// By which evaluations are compared; nil where the epoch was not evaluated.
    var selectionAccuracy: Double? {
        further.first { $0.name == FurtherEvaluation.averageName }?.accuracy ?? testAccuracy
    }
}
