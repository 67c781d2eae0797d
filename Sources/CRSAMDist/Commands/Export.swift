import ArgumentParser
import Files
import Training

extension WeightsExport.Precision: ExpressibleByArgument {}

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a checkpoint's weights for torchvision and timm.",
        discussion: """
            One .safetensors file with the model's published names and shapes, which load_state_dict(strict=True) takes:

              crsam-dist export --checkpoint runs/RUN --output resnet50.safetensors

              model.load_state_dict(safetensors.torch.load_file("resnet50.safetensors"))
            """)

    @Option(help: "A run folder, a checkpoint's folder, or published weights in one or several files.")
    var checkpoint: String
    @Flag(help: "Write the weights' moving average, which a run with --ema-decay keeps.")
    var ema = false
    @Option(help: "File to write, which must not be there.")
    var output: String
    @Option(help: "Precision of the weights: float32, bfloat16 or float16.")
    var precision = WeightsExport.Precision.float32
    @Flag(help: "Write over a file that is there.")
    var force = false

    func run() throws {
        try Job.requireMinimum("the weights")
        let export = try WeightsExport(checkpoint, precision: precision, average: ema)
        guard let path = FileSystem.meant(output), !path.isEmpty else {
            throw ConfigurationError("--output is '\(output)'", remedy: "it must be the path of a file")
        }
        if let kind = try FileKind(of: path) {
            guard kind == .regular else { throw FileError.kind(kind, of: path) }
            if export.inputs.contains(where: { FileSystem.resolved($0) == FileSystem.resolved(path) }) {
                throw ConfigurationError("--output \(path) is what is read", remedy: "name another file")
            }
            if let content = CommandOutput.irreplaceable(path), content != "weights" {
                throw ConfigurationError("--output \(path) holds \(content)", remedy: "name another file")
            }
            if RunFolder.owns(path) {
                throw ConfigurationError("--output \(path) belongs to a run", remedy: "name another file")
            }
            if !force {
                throw ConfigurationError("--output \(path) is there already", remedy: "add --force to write over it")
            }
        }
        try Job.print { try export.write(to: path) }
    }
}
