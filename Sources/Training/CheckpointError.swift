public enum CheckpointError: Error, Equatable, CustomStringConvertible {
    case file(FileError)
    case tensors(SafeTensorsError)
    /// `previous` is the folder of the newest checkpoint that stays, if there is one.
    case notWritten(path: String, previous: String?, cause: FileError)
    case notFound(path: String)
    case malformedState(path: String, problem: String)
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
        case .otherTensors(let path, let summary): "\(path) does not fit the model: \(summary)"
        case .otherModel(let path, let found, let expected):
            "\(path) is a checkpoint of model \(found), not of \(expected); add --model \(found) or choose another checkpoint"
        }
    }
}
