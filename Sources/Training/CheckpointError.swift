public enum CheckpointError: Error, Equatable, CustomStringConvertible {
    case file(FileError)
    case tensors(SafeTensorsError)
    /// `previous` is the folder of the newest checkpoint that stays, if there is one.
    case notWritten(path: String, previous: String?, cause: FileError)
    case notFound(path: String)
    case malformedState(path: String, problem: String)
    case malformedMetadata(path: String, problem: String)
    /// `missing`: flags for what neither the file nor a run around it says.
    case unexplained(path: String, missing: [String])
    case otherSettings(path: String, differences: [String])
    /// `images`: training or test.
    case otherData(path: String, images: String, directory: String)
    /// `summary` names all tensors that do not fit.
    case otherTensors(path: String, summary: String)
    case otherModel(path: String, found: String, expected: String)

    public var description: String {
        switch self {
        case .file(let error): error.description
        case .tensors(let error): error.description
        case .notWritten(let path, let previous, let cause):
            "checkpoint \(path) was not written: \(cause); "
                + (previous.map { "the one before it, \($0), is whole: --resume goes on from there" }
                    ?? "there is none before it")
        case .notFound(let path):
            "no checkpoint in \(path); name a run folder, its checkpoints folder, one step's folder or a .safetensors file"
        case .malformedState(let path, let problem):
            "\(path) is not a sound checkpoint state: \(problem); use another checkpoint of the run"
        case .malformedMetadata(let path, let problem):
            "\(path): metadata \(problem); use another checkpoint, or write the file again"
        case .unexplained(let path, let missing):
            "\(path) does not say what its weights are, and lies in no run that does: add "
                + missing.joined(separator: " and ")
        case .otherSettings(let path, let differences):
            "\(path) was written with other settings than those of now (\(differences.joined(separator: ", "))): set them back in "
                + "the run's config.yaml, or start a new run with --init-weights \(path) and another --output"
        case .otherData(let path, let images, let directory):
            "\(path) was trained with other \(images) images than those in \(directory): name the folder of the run's own "
                + "with --data DIR, or train on from its weights in a new run with --init-weights \(path)"
        case .otherTensors(let path, let summary): "\(path) does not fit the model: \(summary)"
        case .otherModel(let path, let found, let expected):
            "\(path) is a checkpoint of model \(found), not of \(expected); add --model \(found) or choose another checkpoint"
        }
    }
}
