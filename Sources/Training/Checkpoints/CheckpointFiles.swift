import Files
import Glibc
import TensorFiles

/// What a checkpoint is read for: which of its files must be sound.
enum CheckpointUse {
    case resume
    case weights
    /// Of the weights.
    case average
}

/// The files of one step's folder, all looked at before any is used, and what is wrong with them.
struct CheckpointFiles {
    private(set) var state: CheckpointState?
    private(set) var model: SafeTensorsFile?
    private(set) var optimizer: SafeTensorsFile?
    private(set) var average: SafeTensorsFile?
    /// Each begins with the file's name.
    private(set) var damage: [String] = []

    /// Throws only what keeps from looking.
    init(_ folder: String, for use: CheckpointUse) throws(CheckpointError) {
        if use != .average { model = try tensors(CheckpointStore.modelFile, in: folder) }
        if use == .resume { optimizer = try tensors(CheckpointStore.optimizerFile, in: folder) }
        let name = CheckpointStore.stateFile
        do throws(CheckpointError) {
            let text: String
            do throws(FileError) { text = try InputFile.text(folder + "/" + name) } catch { throw .file(error) }
            state = try CheckpointState(json: text, path: folder + "/" + name)
        } catch {
            switch error {
            case .malformedState(_, let problem): damage.append("\(name): \(problem)")
            case .file(let error) where error.code == ENOENT: damage.append("\(name) is missing")
            default: throw error
            }
        }
        if let state, use == .average || use == .resume && state.keepsAverage {
            guard state.keepsAverage else { throw .noAverage(path: folder) }
            average = try tensors(CheckpointStore.averageFile, in: folder)
        }
    }

    private mutating func tensors(_ name: String, in folder: String) throws(CheckpointError) -> SafeTensorsFile? {
        do throws(SafeTensorsError) { return try SafeTensorsFile(folder + "/" + name) } catch {
            if case .file(let error) = error, error.code == ENOENT {
                damage.append("\(name) is missing")
            } else if let problem = error.damage {
                damage.append("\(name): \(problem)")
            } else {
                throw .tensors(error)
            }
            return nil
        }
    }
}
