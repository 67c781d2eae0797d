import CZlib
import Glibc

/// A regular file read front to back, gunzipped while it is read if it begins as gzip does, whatever its name.
package final class StreamedFile {
    package enum Problem: Error {
        case file(FileError)
        case corruptGzip(reason: String)
        /// Neither another member nor zeros follow a gzip member.
        case garbageAfterGzip
        /// The gzip data ends before its checksum, after so many bytes of what was asked for.
        case cutShort(readBytes: Int)
    }

    package let path: String
    /// Bytes on disk.
    package let byteCount: Int
    private let descriptor: Int32
    // Freed in deinit.
    private let chunk: UnsafeMutableRawBufferPointer
    /// The part of `chunk` that was read from disk and not yet consumed.
    private var unread = 0..<0
    // zlib's state points back at its z_stream, which therefore must stay where it is. Freed in deinit.
    private var inflater: UnsafeMutablePointer<z_stream>?
    private var inflaterEnded = false
    private var isLaterMember = false

    package init(_ path: String) throws(Problem) {
        do throws(FileError) { (descriptor, byteCount) = try RegularFile.open(path) } catch { throw .file(error) }
        self.path = path
        chunk = .allocate(byteCount: 1 << 16, alignment: 16)
        guard try refill() else { return }
        if unread.count >= 2, chunk[0] == 0x1F, chunk[1] == 0x8B { try startInflating() }
    }

    deinit {
        if let inflater {
            inflateEnd(inflater)
            inflater.deinitialize(count: 1)
            inflater.deallocate()
        }
        chunk.deallocate()
        close(descriptor)
    }

    package var isGzip: Bool { inflater != nil }

    /// Fills `buffer` with what comes next; returns fewer bytes only where the content ends.
    package func read(into buffer: UnsafeMutableBufferPointer<UInt8>) throws(Problem) -> Int {
        try isGzip ? inflate(into: buffer) : copy(into: buffer)
    }

    /// Whether nothing is left of the content and, behind the end of gzip data, of the file.
    package func isAtEnd() throws(Problem) -> Bool {
        var extra: UInt8 = 0
        let count = try withUnsafeMutablePointer(to: &extra) { pointer throws(Problem) in
            try read(into: UnsafeMutableBufferPointer(start: pointer, count: 1))
        }
        if count == 0 && unread.isEmpty { _ = try refill() }
        return count == 0 && unread.isEmpty
    }

    /// What the content looks like that begins with `head`, already read, and continues with what follows.
    package func format(after head: [UInt8]) throws(Problem) -> FileFormat? {
        var rest = [UInt8](repeating: 0, count: FileFormat.headCount - head.count)
        let count = try rest.withUnsafeMutableBufferPointer { buffer throws(Problem) in try read(into: buffer) }
        return FileFormat(head: head + rest.prefix(count))
    }

    /// Whether the file at `path` is something to unpack.
    package static func isPacked(_ path: String) throws(Problem) -> Bool {
        let file = try StreamedFile(path)
        if file.isGzip { return true }
        return try file.format(after: [])?.isPacked == true
    }

    /// Reads the next chunk; false at the end of the file. Called only when all of the last chunk is consumed.
    private func refill() throws(Problem) -> Bool {
        while true {
            let count = Glibc.read(descriptor, chunk.baseAddress, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .file(.last("read", path)) }
            unread = 0..<count
            return count > 0
        }
    }

    private func copy(into buffer: UnsafeMutableBufferPointer<UInt8>) throws(Problem) -> Int {
        let target = UnsafeMutableRawBufferPointer(buffer)
        var written = 0
        while written < target.count {
            if unread.isEmpty, try !refill() { break }
            let length = min(unread.count, target.count - written)
            target[written..<written + length].copyBytes(from: chunk[unread.prefix(length)])
            unread = unread.dropFirst(length)
            written += length
        }
        return written
    }

    private func startInflating() throws(Problem) {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        inflater = stream
        // 15: the largest window; 16: gzip framing, with its checksum.
        let status = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw .corruptGzip(reason: "zlib gives code \(status)") }
    }

    /// After a member's end: whether another follows, as gunzip reads them. Zeros to the end of the file are padding.
    private func beginNextMember(_ stream: UnsafeMutablePointer<z_stream>) throws(Problem) -> Bool {
        if unread.isEmpty, try !refill() { return false }
        if chunk[unread.lowerBound] == 0x1F {
            isLaterMember = true
            guard inflateReset(stream) == Z_OK else { throw .corruptGzip(reason: "zlib cannot continue") }
            return true
        }
        repeat {
            guard chunk[unread].allSatisfy({ $0 == 0 }) else { throw .garbageAfterGzip }
            unread = unread.upperBound..<unread.upperBound
        } while try refill()
        return false
    }

    private func isHeaderError(_ stream: UnsafeMutablePointer<z_stream>) -> Bool {
        stream.pointee.msg.map { String(cString: $0) }?.contains("header check") == true
    }

    private func inflate(into buffer: UnsafeMutableBufferPointer<UInt8>) throws(Problem) -> Int {
        guard let stream = inflater, let input = chunk.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
            return 0
        }
        var written = 0
        while written < buffer.count && !inflaterEnded {
            if unread.isEmpty, try !refill() { break }
            // zlib counts with 32 bits.
            let room = min(buffer.count - written, 1 << 30)
            stream.pointee.next_in = input + unread.lowerBound
            stream.pointee.avail_in = UInt32(unread.count)
            stream.pointee.next_out = buffer.baseAddress.map { $0 + written }
            stream.pointee.avail_out = UInt32(room)
            let status = CZlib.inflate(stream, Z_NO_FLUSH)
            unread = unread.upperBound - Int(stream.pointee.avail_in)..<unread.upperBound
            written += room - Int(stream.pointee.avail_out)
            switch status {
            case Z_OK: continue
            case Z_STREAM_END: inflaterEnded = try !beginNextMember(stream)
            // zlib has looked at the header of a member that follows another, and it is none.
            case Z_DATA_ERROR where isLaterMember && stream.pointee.total_out == 0 && isHeaderError(stream):
                throw .garbageAfterGzip
            default:
                throw .corruptGzip(
                    reason: stream.pointee.msg.map { String(cString: $0) } ?? "zlib gives code \(status)")
            }
        }
        // The file ended before the trailer, where the checksum is.
        guard written == buffer.count || inflaterEnded else { throw .cutShort(readBytes: written) }
        return written
    }
}
