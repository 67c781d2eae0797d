import Glibc

/// A file open for reading at any offset, closed when released.
// Sound to send: the descriptor never changes and is read with pread only, which shares no position.
package final class InputFile: @unchecked Sendable {
    package let path: String
    package let byteCount: Int
    private let descriptor: Int32

    package init(_ path: String) throws(FileError) {
        (descriptor, byteCount) = try RegularFile.open(path)
        self.path = path
    }

    deinit { close(descriptor) }

    /// Fills `buffer` from `offset`; an end of file before that is an error.
    package func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let got = pread(descriptor, rest.baseAddress, rest.count, offset + done)
            if got < 0 {
                if errno == EINTR { continue }
                throw .last("read", path)
            }
            if got == 0 { throw FileError("read to the end (the file became shorter)", path, code: EIO) }
            done += got
        }
    }

    /// Asks the system to read a part ahead.
    package func willNeed(_ range: Range<Int>) {
        posix_fadvise(descriptor, range.lowerBound, range.count, POSIX_FADV_WILLNEED)
    }

    package func bytes(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(FileError) {
                try read(UnsafeMutableRawBufferPointer(buffer), at: offset)
                initialized = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The whole of a file of at most `limit` bytes.
    ///
    /// - Parameter reason: why a larger one cannot be what is wanted, by its length.
    package static func bytes(
        _ path: String, limit: Int, otherwise reason: (_ byteCount: Int) -> String
    ) throws(FileError) -> [UInt8] {
        let file = try InputFile(path)
        guard file.byteCount <= limit else {
            throw FileError("read", path, code: EFBIG, reason: reason(file.byteCount))
        }
        return try file.bytes(at: 0, count: file.byteCount)
    }

    /// The whole of a small text file.
    package static func text(_ path: String, limit: Int = 1 << 20) throws(FileError) -> String {
        let bytes = try bytes(path, limit: limit) {
            "it has \($0) bytes, more than the \(limit) that the text that is wanted may have"
        }
        let format = FileFormat(head: Array(bytes.prefix(FileFormat.headCount)))
        if let format, format != .json, format != .shardIndex {
            throw FileError(
                "read", path, code: EINVAL,
                reason: "it is \(format.text), not the text that is wanted" + (format.remedy.map { "; \($0)" } ?? ""))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
