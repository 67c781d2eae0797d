import Files
import Glibc

/// Keeps a second job out of a run's folder, from its making to its release. The system releases it however the
/// process ends.
final class RunLock {
    private let folder: RunFolder
    private let place: OpenFolder
    private var file: OutputFile

    /// Locks the folder's `config.yaml`; makes it, empty, where there is none.
    init(_ folder: RunFolder) throws {
        self.folder = folder
        place = try OpenFolder(folder.path)
        repeat {
            file = try OutputFile(folder.config, .appending)
            try Self.lock(file, folder)
            // Another job may have replaced it between the two calls.
        } while try !file.hasName(folder.config)
    }

    /// Whether no run has written its configuration yet.
    var isNew: Bool { get throws { try file.status().st_size == 0 } }

    /// Whether a copy of the folder, made of links, has the same lock.
    var isShared: Bool { get throws { try file.status().st_nlink > 1 } }

    /// Replaces `config.yaml`; nobody else gets hold of the lock meanwhile.
    func replaceConfiguration(with text: String) throws {
        var next = file
        try FileSystem.replace(folder.config, with: text) { [folder] path throws(FileError) in
            next = try OutputFile(path)
            // New, so that nobody else can have it; without locks there is nothing to keep.
            try? Self.lock(next, folder)
            return next
        }
        file = next
    }

    /// Throws where the folder's name leads to nothing, or to another run, by now. A copy that was put in its place
    /// continues the run.
    func requireFolder(of configuration: RunConfiguration) throws {
        if try place.hasItsName() { return }
        guard try FileSystem.kind(folder.path) == .directory else { throw RunFolderError.gone(path: folder.path) }
        guard try folder.canContinue(configuration) else { throw RunFolderError.replaced(path: folder.path) }
    }

    /// Keeps the lock on what has the name now: an editor may have replaced `config.yaml`, or somebody removed it.
    func followName() throws {
        if try file.hasName(folder.config) { return }
        if try FileSystem.kind(folder.config) == .missing {
            return try replaceConfiguration(with: InputFile.text(file.link))
        }
        let next = try OutputFile(folder.config, .appending)
        try Self.lock(next, folder)
        file = next
    }

    private static func lock(_ file: OutputFile, _ folder: RunFolder) throws {
        // Any other failure: a file system without locks.
        if flock(file.descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            throw RunFolderError.inUse(path: folder.path)
        }
    }
}
