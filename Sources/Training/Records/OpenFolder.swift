import Files
import Glibc

/// A folder held open, to know it again: as long as it is, no other can get its number.
final class OpenFolder {
    private let path: String
    private let descriptor: Int32

    init(_ path: String) throws(FileError) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor < 0 { throw .last("open", path) }
    }

    deinit { close(descriptor) }

    /// Whether its path still leads to it: nobody has moved or removed it, or put a link elsewhere.
    func hasItsName() throws(FileError) -> Bool {
        var (own, named) = (stat(), stat())
        if fstat(descriptor, &own) != 0 { throw .last("look at", path) }
        if stat(path, &named) != 0 {
            if errno == ENOENT || errno == ENOTDIR { return false }
            throw .last("look at", path)
        }
        return own.st_dev == named.st_dev && own.st_ino == named.st_ino
    }
}
