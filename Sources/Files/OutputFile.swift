import Glibc

/// Where the bytes of one file go. Tests put a sink in its place that fails at a chosen byte.
package protocol ByteSink: AnyObject {
    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError)
    /// Returns once everything written is on the disk.
    func synchronize() throws(FileError)
}

extension ByteSink {
    package func write(_ text: String) throws(FileError) {
        var text = text
        var failure: FileError?
        // A throwing closure would lose the error's type inside withUTF8.
        text.withUTF8 { bytes in
            do throws(FileError) { try write(UnsafeRawBufferPointer(bytes)) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    package func write(_ bytes: ArraySlice<UInt8>) throws(FileError) {
        var failure: FileError?
        bytes.withUnsafeBytes { bytes in
            do throws(FileError) { try write(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

/// A file open for writing, closed when released.
package final class OutputFile: ByteSink {
    package enum Mode: Sendable {
        /// Starts empty, whatever was there.
        case replacing
        /// Appends to what is there; can also be read.
        case appending
        /// Writes to what is there already, a pipe or a device.
        case existing

        fileprivate var flags: Int32 {
            switch self {
            case .replacing: O_WRONLY | O_CREAT | O_TRUNC
            case .appending: O_RDWR | O_CREAT | O_APPEND
            case .existing: O_WRONLY | O_NOCTTY
            }
        }
    }

    package let path: String
    package let descriptor: Int32
    private let isOwned: Bool

    package init(_ path: String, _ mode: Mode = .replacing) throws(FileError) {
        descriptor = open(path, O_CLOEXEC | mode.flags, 0o666)
        self.path = path
        isOwned = true
        if descriptor < 0 { throw .last(mode == .replacing ? "create" : "open for writing", path) }
    }

    /// A descriptor that is open already and stays so, such as standard output.
    package init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        path = name
        isOwned = false
    }

    deinit { if isOwned { close(descriptor) } }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                // Another process may have set a terminal or pipe that it shares not to wait.
                if errno == EAGAIN {
                    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&waiting, 1, -1)
                    continue
                }
                throw .last("write", path)
            }
            rest = rest.dropFirst(written)
        }
    }

    /// The kernel's own name for the open file, by which it can be opened again even without any other.
    package var link: String { "/proc/self/fd/\(descriptor)" }

    package func status() throws(FileError) -> stat {
        var status = stat()
        if fstat(descriptor, &status) != 0 { throw .last("look at", path) }
        return status
    }

    /// Whether the open file has this name: nobody has moved, replaced or removed it.
    package func hasName(_ path: String) throws(FileError) -> Bool {
        let own = try status()
        var named = stat()
        if stat(path, &named) != 0 {
            if errno == ENOENT || errno == ENOTDIR { return false }
            throw .last("look at", path)
        }
        return own.st_dev == named.st_dev && own.st_ino == named.st_ino
    }

    package func synchronize() throws(FileError) {
        // EINVAL: not a file that can be synchronized (a pipe, a terminal).
        if fsync(descriptor) != 0 && errno != EINVAL { throw .last("synchronize", path) }
    }
}
