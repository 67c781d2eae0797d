import Glibc

/// Keeps a second job out of a run's folder, from its making to its release. The system lets go of it however the process
/// ends.
final class RunLock {
    private let folder: RunFolder
    /// Of every `config.yaml` that the folder has had since.
    private var descriptors: [Int32] = []

    /// Locks the folder's `config.yaml`, which is there from the run's first moment.
    init(_ folder: RunFolder) throws {
        self.folder = folder
        for _ in 0..<8 {
            try lock(folder.config)
            if try isNewest { return }
        }
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    /// Replaces `config.yaml`, at every instant the old one or the new. The new one is locked before it has the name.
    func replaceConfiguration(with text: String) throws {
        try FileSystem.replace(folder.config, with: text) { path throws(FileError) in
            let file = try OutputFile(path)
            do { try self.lock(path) } catch { throw FileError("lock", path, code: EWOULDBLOCK) }
            return file
        }
    }

    private func lock(_ path: String) throws {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        if descriptor < 0 { throw FileError.last("open", path) }
        descriptors.append(descriptor)
        // Any other failure: a file system without locks.
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            throw RunFolderError.inUse(path: folder.path)
        }
    }

    /// False where another job replaced the file between its opening and its locking, and ended.
    private var isNewest: Bool {
        get throws {
            var (locked, named) = (stat(), stat())
            guard let descriptor = descriptors.last, fstat(descriptor, &locked) == 0 else { return false }
            if stat(folder.config, &named) != 0 { throw FileError.last("look at", folder.config) }
            return locked.st_ino == named.st_ino && locked.st_dev == named.st_dev
        }
    }
}
