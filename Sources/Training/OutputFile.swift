import Glibc

/// Where the bytes of one file go. Tests put a sink in its place that fails at a chosen byte.
public protocol ByteSink: AnyObject {
    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError)
    /// Returns once everything written is on the disk.
    func synchronize() throws(FileError)
}

extension ByteSink {
    func write(_ text: String) throws(FileError) {
        var text = text
        var failure: FileError?
        // A throwing closure would lose the error's type on its way through withUTF8.
        text.withUTF8 { bytes in
            do throws(FileError) { try write(UnsafeRawBufferPointer(bytes)) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

/// A file open for writing, closed when released.
public final class OutputFile: ByteSink {
    public enum Mode: Sendable {
        /// Starts empty, whatever was there.
        case replacing
        /// Goes on at the end of what is there.
        case appending
    }

    public let path: String
    private let descriptor: Int32

    public init(_ path: String, _ mode: Mode = .replacing) throws(FileError) {
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (mode == .replacing ? O_TRUNC : O_APPEND)
        descriptor = open(path, flags, 0o644)
        self.path = path
        if descriptor < 0 { throw .last("create", path) }
    }

    deinit { close(descriptor) }

    public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                throw .last("write", path)
            }
            rest = rest.dropFirst(written)
        }
    }

    public func synchronize() throws(FileError) {
        // EINVAL: not a file that can be synchronized (a pipe, a terminal).
        if fsync(descriptor) != 0 && errno != EINVAL { throw .last("synchronize", path) }
    }
}
