import Files
import Models
import TensorFiles
import Vectors

/// A model's weights and running statistics in one file under the names that torchvision and timm have for them, so
/// that `load_state_dict(strict=True)` takes it.
package struct WeightsExport {
    package enum Precision: String, CaseIterable, Sendable { case float32, bfloat16, float16 }

    private let checkpoint: Checkpoint
    private let precision: Precision

    /// - Parameters:
    ///   - path: a run folder, a checkpoint's folder or weights in one or several files.
    ///   - average: the weights' average in their place.
    package init(_ path: String, precision: Precision, average: Bool = false) throws {
        guard let meant = FileSystem.meant(path) else {
            throw ConfigurationError("--checkpoint is '\(path)'", remedy: "it must be the path of a run or of weights")
        }
        checkpoint = try Checkpoint(weights: meant, average: average)
        self.precision = precision
    }

    /// Files that are read: the result may not be written over them.
    package var inputs: [String] { [checkpoint.path, checkpoint.model.path] }

    /// Writes the file, which is there whole or not at all.
    ///
    /// - Returns: what was written, in one line.
    package func write(to path: String) throws -> String {
        let recognized = ModelRecognition(checkpoint.model)
        guard let model = recognized?.model ?? checkpoint.ownModelName else {
            throw ConfigurationError(
                "\(checkpoint.path): its tensors are those of no model that 'crsam-dist models' lists",
                remedy: "name the weights of one")
        }
        let file = try checkpoint.model.unwrapped(for: Self.names(model, recognized))
        let tensors = try file.entries.map { try converted(file.read($0)) }
        let known: [SafeTensors.Metadata] = [.init("format", "pt")]
        let metadata = known + file.metadata.filter { $0.key != "format" }
        try FileSystem.replace(path) { sink throws(FileError) in
            try SafeTensors.write(tensors, metadata: metadata, to: sink)
        }
        let count = tensors.filter { $0.element.isFloat && !$0.name.contains(".running_") }.reduce(0) { $0 + $1.count }
        return "\(path): \(model), \(count) parameters in \(precision.rawValue), \(tensors.count) tensors"
    }

    private static func names(_ model: String, _ recognized: ModelRecognition?) throws -> Set<String> {
        let entry = try modelCatalog.entry(model)
        let graph = try entry.graph(
            inputShape: recognized?.inputShape ?? entry.defaultInputShape,
            classes: recognized?.classCount ?? entry.defaultClassCount)
        return Set((graph.parameterLayout.entries + graph.statisticsLayout.entries).map(\.name))
    }

    /// Floats in the wanted precision; BatchNorm's counters as they are.
    private func converted(_ tensor: NamedTensor) throws -> NamedTensor {
        let vector: FlatVector
        switch tensor.values {
        case .float32(let values): vector = values
        case .float64(let values): vector = FlatVector(values.map { Float($0) })
        default: return tensor
        }
        guard vector.norm.isFinite else { throw CheckpointError.notFinite(path: checkpoint.path, tensor: tensor.name) }
        if precision == .float16, vector.elements.contains(where: { abs($0) > Float(Float16.greatestFiniteMagnitude) })
        {
            throw ConfigurationError(
                "\(checkpoint.path): tensor \(tensor.name) has values beyond float16's range, 65504",
                remedy: "use --precision bfloat16 or float32")
        }
        let values: NamedTensor.Values =
            switch precision {
            case .float32: .float32(vector)
            case .bfloat16: .bfloat16(vector)
            case .float16: .float16(vector)
            }
        return NamedTensor(tensor.name, shape: tensor.shape, values)
    }
}
