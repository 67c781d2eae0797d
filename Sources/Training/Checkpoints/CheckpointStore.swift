import Files
import Glibc
import TensorFiles

/// The `checkpoints` folder of a run: `step-NNNNNNNN` folders, each complete from the moment it has that name, and
/// `latest` and `best`, text files that name the newest and the one of the best evaluation.
///
/// One process writes: rank 0.
package struct CheckpointStore: Sendable {
    /// In a run.
    package static let folderName = "checkpoints"
    package static let modelFile = "model.safetensors"
    package static let optimizerFile = "optimizer.safetensors"
    /// Of a run that keeps an average of its weights.
    package static let averageFile = "ema.safetensors"
    package static let stateFile = "state.json"
    package static let latestFile = "latest"
    package static let bestFile = "best"
    /// Files that stand for the checkpoint whose weights lie beside or below them.
    static let standingFiles = [optimizerFile, stateFile] + namingFiles
    /// Files that name a checkpoint beside them.
    static let namingFiles = [latestFile, bestFile]

    /// Opens a new file for writing.
    package typealias Opener = @Sendable (String) throws(FileError) -> any ByteSink

    package let folder: String
    /// How many of the newest checkpoints stay, beside the best.
    package let keep: Int
    private let open: Opener

    /// - Parameter open: what creates files; a test's may fail at a chosen byte.
    package init(
        folder: String, keep: Int = 3, open: @escaping Opener = { path throws(FileError) in try OutputFile(path) }
    ) {
        precondition(keep >= 1)
        self.folder = folder
        self.keep = keep
        self.open = open
    }

    /// The newest complete checkpoint's folder: the one that `latest` names, or without it the highest step.
    package func latest() throws(FileError) -> String? {
        if let name = try name(in: Self.latestFile), Self.step(ofFolder: name) != nil,
            try FileSystem.kind(folder + "/" + name) == .directory
        {
            return folder + "/" + name
        }
        return try stepFolders().last.map { folder + "/" + $0 }
    }

    /// Makes the folder if need be and removes what a kill left half written. Once, before a run starts.
    package func prepare() throws(FileError) {
        try FileSystem.makeDirectories(folder)
        // Not first at the end of an epoch.
        if faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0 { throw .last("write into the folder", folder) }
        if !FileSystem.isLink(folder + "/" + Self.latestFile) { try clear(Self.latestFile) }
        for name in try Folder.names(in: folder) where FileSystem.isPartialName(name) {
            // What is protected stays; only a checkpoint of the same step would be in its way.
            try? FileSystem.remove(folder + "/" + name)
        }
    }

    /// Writes a checkpoint and makes it the newest; returns its folder once all of it is on the disk.
    ///
    /// When this throws, the checkpoints from before are as they were, and nothing of the new one is left. A step that
    /// is the newest already is not written again.
    ///
    /// - Parameters:
    ///   - average: of the weights, in a file of its own; nil where the run keeps none.
    ///   - isBest: it stays until a better one is written.
    ///   - description: what the model's file says of its weights besides the model's name.
    @discardableResult
    package func write(
        _ state: CheckpointState, model: [NamedTensor], optimizer: [NamedTensor],
        average: [NamedTensor]? = nil, isBest: Bool = false, description: [SafeTensors.Metadata] = []
    ) throws(CheckpointError) -> String {
        let name = Self.folderName(step: state.step)
        let path = folder + "/" + name
        let partial = folder + "/" + FileSystem.partialName(name)
        do throws(FileError) {
            if try latest() == path { return path }
            // Somebody may have cleared it away to save space.
            try FileSystem.makeDirectories(folder)
            // Complete, but never named by `latest`: a kill came between.
            try discard(name)
            try FileSystem.remove(partial)
            _ = try FileSystem.makeNewDirectory(partial)
            let own = [("model", state.model), ("step", "\(state.step)")].map {
                SafeTensors.Metadata(WeightsDescription.prefix + $0, $1)
            }
            let others = description.filter { entry in !own.contains { $0.key == entry.key } }
            let metadata = [SafeTensors.Metadata("format", "pt")] + own + others
            for (file, tensors) in [(Self.modelFile, model), (Self.averageFile, average)] {
                guard let tensors else { continue }
                try writeFile(partial + "/" + file) { sink throws(FileError) in
                    try SafeTensors.write(tensors, metadata: metadata, to: sink)
                }
            }
            try writeFile(partial + "/" + Self.optimizerFile) { sink throws(FileError) in
                try SafeTensors.write(optimizer, to: sink)
            }
            try writeFile(partial + "/" + Self.stateFile) { sink throws(FileError) in try sink.write(state.json) }
            try FileSystem.synchronize(directory: partial)
            try FileSystem.rename(partial, to: path)
            try FileSystem.synchronize(directory: folder)
            try clear(Self.latestFile)
            try FileSystem.replace(folder + "/" + Self.latestFile, with: name + "\n", open: open)
        } catch {
            try? FileSystem.remove(partial)
            // Only while `latest` still names another: what it names is never taken away.
            if let named = try? self.name(in: Self.latestFile), named != name { try? discard(name) }
            if (try? FileSystem.kind(folder + "/" + Self.latestFile)) == .missing { try? discard(name) }
            throw .notWritten(path: path, previous: try? latest(), cause: error)
        }
        if isBest { do throws(FileError) { try keep(best: state.step) } catch { throw .file(error) } }
        removeOld(before: state.step)
        return path
    }

    /// Names the checkpoint of a step the best, which then stays; nil, or a step without one, for none.
    ///
    /// Whatever moment it ends at, ``bestFile`` names the best from before or this one.
    package func keep(best step: Int?) throws(FileError) {
        let name = step.map { Self.folderName(step: $0) }
        let found = try name.flatMap { name throws(FileError) in
            try FileSystem.kind(folder + "/" + name) == .directory ? name : nil
        }
        let path = folder + "/" + Self.bestFile
        guard let found else { return try FileKind(of: path) == .regular ? FileSystem.remove(path) : () }
        if try self.name(in: Self.bestFile) == found { return }
        try clear(Self.bestFile)
        try FileSystem.replace(path, with: found + "\n", open: open)
    }

    package static func folderName(step: Int) -> String {
        let digits = String(step)
        return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    /// The step in a checkpoint folder's name; nil for any other name.
    static func step(ofFolder name: String) -> Int? {
        guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), folderName(step: step) == name else {
            return nil
        }
        return step
    }

    /// Names of the checkpoints, oldest step first.
    func stepFolders() throws(FileError) -> [String] {
        guard try FileSystem.kind(folder) == .directory else { return [] }
        return try Folder.names(in: folder).filter { Self.step(ofFolder: $0) != nil }
            .sorted { (Self.step(ofFolder: $0) ?? 0) < (Self.step(ofFolder: $1) ?? 0) }
    }

    /// What ``latestFile`` or ``bestFile`` names: a text file, or, put there by hand, a link to a step's folder. Nil
    /// for anything that names nothing.
    func name(in file: String) throws(FileError) -> String? {
        let path = folder + "/" + file
        let text: String
        do throws(FileError) {
            switch try FileKind(of: path) {
            case nil: return nil
            case .directory: return FileSystem.lastName(of: FileSystem.resolved(path))
            case .some: text = try InputFile.text(path, limit: 1024)
            }
        } catch {
            // A link to a checkpoint that is gone; not a text of one line.
            if error.code == ENOENT || error.code == EFBIG { return nil }
            throw error
        }
        // Perhaps written by hand: with a path, or by an editor that puts a byte order mark before it.
        let name = text.split { $0.isWhitespace || $0 == "\u{FEFF}" }.first
        return name.map { FileSystem.lastName(of: FileSystem.normalized(String($0))) }
    }

    /// Throws where a checkpoint's name could not be written; makes way for it where a link is in its place.
    private func clear(_ file: String) throws(FileError) {
        let path = folder + "/" + file
        if FileSystem.isLink(path) { return try FileSystem.remove(path) }
        guard let kind = try FileKind(of: path), kind != .regular else { return }
        throw FileError(
            "use", path, code: EEXIST,
            reason: "it is \(kind.text), where a checkpoint's name is to be; remove it")
    }

    private func writeFile(
        _ path: String, _ content: (any ByteSink) throws(FileError) -> Void
    ) throws(FileError) {
        let sink = try open(path)
        try content(sink)
        try sink.synchronize()
    }

    /// Removes a checkpoint; first its name, so that a kill leaves no half of it under that name.
    private func discard(_ name: String) throws(FileError) {
        let path = folder + "/" + name
        guard try FileSystem.kind(path) == .directory else { return }
        // Somebody protects it: without its name it would be lost all the same.
        if faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) != 0 { throw .last("write into the folder", path) }
        let partial = folder + "/" + FileSystem.partialName(name)
        try FileSystem.remove(partial)
        try FileSystem.rename(path, to: partial)
        try FileSystem.remove(partial)
    }

    /// What cannot be removed now is tried again after the next checkpoint: no reason to end a run.
    private func removeOld(before step: Int) {
        // Where it cannot be seen which is the best, all stay.
        guard let names = try? stepFolders(), let best = try? name(in: Self.bestFile) ?? "" else { return }
        let old = names.filter { (Self.step(ofFolder: $0) ?? 0) < step && $0 != best }
        for name in old.dropLast(keep - 1) { try? discard(name) }
    }
}
