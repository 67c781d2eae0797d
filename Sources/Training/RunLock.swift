import Glibc

/// Keeps a second job out of a run's folder, from its making to its release. The system lets go of it however the process
/// ends.
final class RunLock {
    private let descriptor: Int32

    /// Locks the folder's `config.yaml`, which is there from the run's first moment and never replaced.
    init(_ folder: RunFolder) throws {
        descriptor = open(folder.config, O_RDWR | O_CLOEXEC)
        if descriptor < 0 { throw FileError.last("open", folder.config) }
        // Any other failure: a file system without locks.
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            close(descriptor)
            throw RunFolderError.inUse(path: folder.path)
        }
    }

    deinit { close(descriptor) }
}
