import Files
import TensorFiles

/// What a path stands for that was named as a checkpoint.
enum CheckpointPlace {
    /// The folder of one step.
    case step(String)
    /// A file of weights.
    case weights(String)

    /// Looks at names only.
    init(_ path: String) throws(CheckpointError) {
        switch try Self.kind(path) {
        case nil: throw .notFound(path: path, found: "it does not exist")
        case .directory:
            if let file = try Self.weights(in: path) {
                self = .weights(file)
            } else {
                self = .step(try Self.step(in: path))
            }
        case .some:
            // A file of a run stands for what it belongs to.
            let folder = FileSystem.directory(of: path)
            let name = FileSystem.lastName(of: path)
            switch name {
            case CheckpointStore.latestFile, CheckpointStore.bestFile:
                self = .step(try Self.named(by: path, name, in: folder))
            case CheckpointStore.stateFile, CheckpointStore.optimizerFile: self = .step(try Self.step(in: folder))
            case "config.yaml", "metrics.jsonl", "epochs.csv": self = .step(try Self.step(in: folder))
            default: self = .weights(path)
            }
        }
    }

    /// The step's folder that `folder` is, or the newest in the run or the checkpoints folder that it is.
    private static func step(in folder: String) throws(CheckpointError) -> String {
        if CheckpointStore.step(ofFolder: FileSystem.lastName(of: FileSystem.resolved(folder))) != nil { return folder }
        if try kind(folder + "/" + CheckpointStore.stateFile) == .regular { return folder }
        for place in [folder + "/" + CheckpointStore.folderName, folder] where try kind(place) == .directory {
            if let latest = try checked({ () throws(FileError) in try CheckpointStore(folder: place).latest() }) {
                return latest
            }
        }
        throw .notFound(path: folder, found: nearby(folder))
    }

    /// The published weights that a folder holds: an index of parts, or one file. Nil in a run's own folders, and
    /// where there are none.
    private static func weights(in folder: String) throws(CheckpointError) -> String? {
        let names = (try? Folder.names(in: folder)) ?? []
        guard !names.contains(CheckpointStore.stateFile), !names.contains(CheckpointStore.folderName),
            CheckpointStore.step(ofFolder: FileSystem.lastName(of: FileSystem.resolved(folder))) == nil
        else { return nil }
        let indices = names.filter { $0.hasSuffix(SafeTensorsFile.indexSuffix) }
        let files = indices.isEmpty ? names.filter { $0.hasSuffix(".safetensors") } : indices
        guard files.count < 2 else {
            let shown = files.prefix(4).joined(separator: ", ") + (files.count > 4 ? ", …" : "")
            throw .notFound(path: folder, found: "it holds \(files.count) files of weights: name one of \(shown)")
        }
        return files.first.map { "\(folder)/\($0)" }
    }

    private static func named(by path: String, _ file: String, in folder: String) throws(CheckpointError) -> String {
        let store = CheckpointStore(folder: folder)
        let name = try checked { () throws(FileError) in try store.name(in: file) }
        if let name, CheckpointStore.step(ofFolder: name) != nil, try kind(folder + "/" + name) == .directory {
            return folder + "/" + name
        }
        let newest = try checked { () throws(FileError) in try store.latest() }
        throw .notFound(
            path: path,
            found: name.map {
                "it names '\($0)', which is no checkpoint beside it" + (newest.map { "; the newest is \($0)" } ?? "")
            }
                ?? "it names none")
    }

    /// What a folder without a checkpoint holds that may have been meant.
    private static func nearby(_ folder: String) -> String? {
        let names = (try? Folder.names(in: folder)) ?? []
        let endings = [".safetensors", ".safetensors.index.json", "model.bin", ".pth", ".pt", ".npz", ".h5"]
        if let name = names.first(where: { name in endings.contains(where: name.hasSuffix) }) {
            return "it holds \(name)"
        }
        if let run = names.first(where: { (try? FileKind(of: "\(folder)/\($0)/config.yaml")) == .regular }) {
            return "it holds runs, such as \(folder)/\(run)"
        }
        return names.contains("config.yaml") ? "the run has none yet" : nil
    }

    private static func kind(_ path: String) throws(CheckpointError) -> FileKind? {
        try checked { () throws(FileError) in try FileKind(of: path) }
    }

    private static func checked<Value>(_ body: () throws(FileError) -> Value) throws(CheckpointError) -> Value {
        do throws(FileError) { return try body() } catch { throw .file(error) }
    }
}
