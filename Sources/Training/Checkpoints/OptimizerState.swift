import Collectives
import Optimizers
import TensorFiles
import Vectors

/// An optimizer's vectors, cut up like the weights, under PyTorch's names: `momentum_buffer.conv1.weight`, …
final class OptimizerState: Checkpointed {
    private let optimizer: any Optimizer
    private let layout: TensorLayout
    /// Restored and sent with it: an optimizer also counts its updates.
    private let progress: RunProgress

    /// - Parameter layout: of the weights.
    init(_ optimizer: any Optimizer, _ layout: TensorLayout, _ progress: RunProgress) {
        self.optimizer = optimizer
        self.layout = layout
        self.progress = progress
    }

    var partName: String { "optimizer" }

    var tensors: [NamedTensor] {
        optimizer.state.flatMap { name, vector in NamedTensor.tensors(of: vector, layout, prefix: "\(name).") }
    }

    func restore(from file: SafeTensorsFile) throws {
        for (name, vector) in optimizer.state {
            try file.read(layout, into: vector, prefix: "\(name).")
            if let entry = layout.entries.first(where: { !vector.slice($0.range).norm.isFinite }) {
                throw CheckpointError.notFinite(path: file.path, tensor: "\(name).\(entry.name)")
            }
        }
    }

    func broadcast(_ world: Communicator) throws {
        for (_, vector) in optimizer.state { try world.broadcast(vector.elements) }
        let step = Int(try world.broadcast(Int64(progress.step)))
        try optimizer.restore(stepCount: step, state: optimizer.state)
    }
}
