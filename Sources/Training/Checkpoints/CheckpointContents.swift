import Collectives
import TensorFiles

/// All that a checkpoint holds of a run: the model, and the parts beside it.
package final class CheckpointContents {
    package let model: ModelState
    package let progress: RunProgress
    /// Nil where the run keeps none.
    package let average: WeightAverage?
    /// In the order in which they are restored.
    private let parts: [any Checkpointed]
    /// Those that no checkpoint lacks.
    private let ownPartCount: Int

    /// - Parameters:
    ///   - model: with the optimizer of this run.
    ///   - others: parts beside the run's own.
    init(
        _ model: ModelState, _ optimizer: OptimizerState, _ progress: RunProgress, average: WeightAverage?,
        others: [any Checkpointed]
    ) {
        self.average = average
        self.model = model
        self.progress = progress
        let own: [any Checkpointed] = [optimizer, progress]
        ownPartCount = own.count
        parts = own + others
        let names = parts.map(\.partName)
        precondition(Set(names).count == names.count, "two parts of a run have one name: \(names)")
    }

    /// What lies beside the model's file.
    var partTensors: [NamedTensor] { parts.flatMap(\.tensors) }

    /// Rank 0 takes over a checkpoint's parts. A part that was added to the run since, as an observer, starts anew,
    /// with a warning.
    func restoreParts(from file: SafeTensorsFile) throws {
        let absent = parts.dropFirst(ownPartCount).filter { part in part.tensors.allSatisfy { file[$0.name] == nil } }
        let present = parts.filter { part in !absent.contains { $0 === part } }
        let tensors = present.flatMap(\.tensors)
        let (floats, others) = (tensors.filter(\.element.isFloat), tensors.filter { !$0.element.isFloat })
        let matching = TensorMatching(
            file, against: floats.map { ($0.name, $0.shape) }, others: Set(others.map(\.name)))
        if !matching.isExact { throw CheckpointError.otherTensors(path: file.path, summary: matching.summary) }
        for part in present { try part.restore(from: file) }
        for part in absent where !part.tensors.isEmpty {
            log.warning("\(file.path): it holds nothing of \(part.partName), which starts anew")
        }
    }

    /// Makes every replica equal to rank 0's. Every rank must call it.
    func broadcast(_ world: Communicator) throws {
        try model.broadcast(world)
        try average?.broadcast(world)
        for part in parts { try part.broadcast(world) }
    }
}
