import Files
import TensorFiles

package enum CheckpointError: Error, Equatable, CustomStringConvertible {
    case file(FileError)
    case tensors(SafeTensorsError)
    /// `previous` is the folder of the newest checkpoint that stays, if there is one.
    case notWritten(path: String, previous: String?, cause: FileError)
    /// `found`: what is there instead, where that is known.
    case notFound(path: String, found: String?)
    /// `whole` is the folder of the run's newest checkpoint that is not damaged, if there is one.
    case damaged(path: String, problems: [String], whole: String?)
    case malformedState(path: String, problem: String)
    case malformedMetadata(path: String, problem: String)
    /// `missing`: flags for what neither the file nor a run around it says.
    case unexplained(path: String, missing: [String])
    case otherSettings(path: String, differences: [String])
    /// `images`: training or test.
    case otherData(path: String, images: String, directory: String)
    /// `summary` names all tensors that do not fit.
    case otherTensors(path: String, summary: String, remedy: String? = nil)
    case noAverage(path: String)
    case otherVersion(path: String, version: Int)
    case notFinite(path: String, tensor: String)
    case negativeVariance(path: String, tensor: String)
    case otherModel(path: String, found: String, expected: String)

    package var description: String {
        switch self {
        case .file(let error): error.description
        case .tensors(let error): error.description
        case .notWritten(let path, let previous, let cause):
            "checkpoint \(path) was not written: \(cause); "
                + (previous.map { "the one before it, \($0), is whole: --resume continues from there" }
                    ?? "there is none before it")
        case .notFound(let path, let found):
            "no checkpoint in \(path)\(found.map { ": \($0)" } ?? ""); name a run folder, its checkpoints folder, "
                + "one step's folder or a .safetensors file"
        case .damaged(let path, let problems, let whole):
            "checkpoint \(path) is damaged (\(problems.joined(separator: "; "))): "
                + (whole.map {
                    "the newest whole one is \($0): name that, or remove \(path), and --resume continues from there"
                }
                    ?? "no other one beside it is whole, so start the run anew in another folder, or put back a "
                    + "copy of it")
        case .malformedState(let path, let problem):
            "\(path) is not a sound checkpoint state: \(problem); use another checkpoint of the run"
        case .malformedMetadata(let path, let problem):
            "\(path): metadata \(problem); use another checkpoint, or write the file again"
        case .unexplained(let path, let missing):
            "\(path) does not say what its weights are, and lies in no run that does: add "
                + missing.joined(separator: " and ")
        case .otherSettings(let path, let differences):
            "\(path) was written with other settings than those of now (\(differences.joined(separator: ", "))): set "
                + "them back in "
                + "the run's config.yaml, move the checkpoint away if it is another run's, or start a new run with "
                + "--init-weights \(path) and another --output"
        case .otherData(let path, let images, let directory):
            "\(path) was trained with other \(images) images than those in \(directory): name the folder of the run's "
                + "own "
                + "with --data DIR, or train on from its weights in a new run with --init-weights \(path)"
        case .noAverage(let path):
            "\(path) has no EMA of its weights: leave --ema out, or name a run that was trained with --ema-decay"
        case .otherVersion(let path, let version):
            "\(path): its format_version \(version) is not \(CheckpointState.formatVersion), which this "
                + "crsam-dist reads: use the version that wrote it"
        case .otherTensors(let path, let summary, let remedy):
            "\(path) does not fit the model: \(summary)\(remedy.map { "; \($0)" } ?? "")"
        case .notFinite(let path, let tensor):
            "\(path): tensor \(tensor) holds values that are not finite numbers in float32; use another "
                + "checkpoint or file of weights"
        case .negativeVariance(let path, let tensor):
            "\(path): tensor \(tensor) holds negative numbers, which no variance is; use another checkpoint or file of "
                + "weights"
        case .otherModel(let path, let found, let expected):
            "\(path) is a checkpoint of model \(found), not of \(expected); add --model \(found) or choose another "
                + "checkpoint"
        }
    }
}
