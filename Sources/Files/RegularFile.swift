import Glibc

package enum RegularFile {
    /// Opens a regular file for reading; the caller closes it.
    package static func open(_ path: String) throws(FileError) -> (descriptor: Int32, byteCount: Int) {
        // Opening a named pipe would otherwise wait for a writer.
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if descriptor < 0 {
            let error = FileError.last("open", path)
            // What a socket's opening fails with says nothing.
            if error.code == ENXIO, let kind = try FileKind(of: path), kind != .regular { throw .kind(kind, of: path) }
            throw error
        }
        var status = stat()
        do throws(FileError) {
            if fstat(descriptor, &status) != 0 { throw .last("look at", path) }
            let kind = FileKind(mode: status.st_mode)
            if kind != .regular { throw .kind(kind, of: path) }
        } catch {
            close(descriptor)
            throw error
        }
        return (descriptor, Int(status.st_size))
    }
}
