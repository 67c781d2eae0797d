import CZlib
import Files
import Glibc
import Vectors

/// A regular file read front to back, gunzipped while it is read if it begins as gzip does, whatever its name.
///
/// The reader says how much content is due before it takes memory for it; content that is shorter or longer is an
/// error.
final class StreamedFile {
    let path: String
    private let share: MemoryShare
    /// Bytes on disk.
    private let size: Int
    private let descriptor: Int32
    // Freed in deinit.
    private let chunk: UnsafeMutableRawBufferPointer
    /// The part of `chunk` that was read from disk and not yet consumed.
    private var unread = 0..<0
    // zlib's state points back at its z_stream, which therefore must stay where it is. Freed in deinit.
    private var inflater: UnsafeMutablePointer<z_stream>?
    private var inflaterEnded = false
    private var isLaterMember = false
    private var contentRead = 0
    private var contentDue = 0

    /// - Parameter memory: what may be taken for the content.
    init(path: String, _ memory: MemoryShare = MemoryShare()) throws(DatasetError) {
        do throws(FileError) { (descriptor, size) = try RegularFile.open(path) } catch { throw .file(error) }
        self.path = path
        share = memory
        chunk = .allocate(byteCount: 1 << 16, alignment: 16)
        guard try refill() else { throw .empty(path: path) }
        if unread.count >= 2, chunk[0] == 0x1F, chunk[1] == 0x8B { try startInflating() }
    }

    /// Whether the file at `path` is something to unpack.
    static func isPacked(_ path: String) throws(DatasetError) -> Bool {
        let file = try StreamedFile(path: path)
        if file.inflater != nil { return true }
        return try file.format(after: [])?.isPacked == true
    }

    /// What the content looks like that begins with `head`, already read, and continues with what follows.
    func format(after head: [UInt8]) throws(DatasetError) -> FileFormat? {
        var rest = [UInt8](repeating: 0, count: FileFormat.headCount - head.count)
        let count = try rest.withUnsafeMutableBufferPointer { buffer throws(DatasetError) in
            try inflater == nil ? copy(into: buffer) : inflate(into: buffer)
        }
        return FileFormat(head: head + rest.prefix(count))
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

    /// Says that the content as a whole is a header plus values of these dimensions, and checks what can be checked
    /// before memory is taken. Returns the number of values.
    func expect(headerBytes: Int, dimensions: [Int]) throws(DatasetError) -> Int {
        var values = 1
        for dimension in dimensions {
            let (product, overflow) = values.multipliedReportingOverflow(by: dimension)
            guard !overflow, product < Int.max / 2 else { throw .tooLarge(path: path, dimensions: dimensions) }
            values = product
        }
        contentDue = headerBytes + values
        if inflater == nil {
            guard size >= contentDue else {
                throw .truncated(path: path, expectedBytes: contentDue, foundBytes: size)
            }
            guard size == contentDue else { throw .trailingBytes(path: path, expectedBytes: contentDue) }
        }
        // Deflate cannot expand by more than 1032 to 1, so a larger announcement is a lie whatever follows.
        guard contentDue / 1032 <= size, contentDue < Self.memory else {
            throw .tooLarge(path: path, dimensions: dimensions)
        }
        try share.check(path, contentDue)
        return values
    }

    private static var memory: Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }

    /// All of the content, however much it is.
    func readAll() throws(DatasetError) -> [UInt8] {
        if inflater == nil {
            let bytes = try read(count: try expect(headerBytes: 0, dimensions: [size]))
            try expectEnd()
            return bytes
        }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = try part.withUnsafeMutableBufferPointer { buffer throws(DatasetError) in
                try inflate(into: buffer)
            }
            contentRead += count
            // Half, as an array that grows is there twice for a moment.
            guard bytes.count < Self.memory / 2 else { throw .tooLarge(path: path, dimensions: [bytes.count]) }
            try share.check(path, 2 * bytes.count)
            bytes += part.prefix(count)
            if count < part.count { return bytes }
        }
    }

    /// Fills `buffer`, or throws where the content ends before that.
    func read(into buffer: UnsafeMutableBufferPointer<UInt8>) throws(DatasetError) {
        let count = try inflater == nil ? copy(into: buffer) : inflate(into: buffer)
        contentRead += count
        guard count == buffer.count else {
            throw .truncated(
                path: path, expectedBytes: max(contentDue, contentRead - count + buffer.count), foundBytes: contentRead)
        }
    }

    func read(count: Int) throws(DatasetError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withUnsafeMutableBufferPointer { buffer throws(DatasetError) in try read(into: buffer) }
        return bytes
    }

    /// Throws unless the content, and for gzip its checksum and the file too, end here.
    func expectEnd() throws(DatasetError) {
        var extra: UInt8 = 0
        let count = try withUnsafeMutablePointer(to: &extra) { pointer throws(DatasetError) in
            let one = UnsafeMutableBufferPointer(start: pointer, count: 1)
            return try inflater == nil ? copy(into: one) : inflate(into: one)
        }
        if count == 0 && unread.isEmpty { _ = try refill() }
        guard count == 0, unread.isEmpty else { throw .trailingBytes(path: path, expectedBytes: contentRead) }
    }

    /// Reads the next chunk; false at the end of the file. Called only when all of the last chunk is consumed.
    private func refill() throws(DatasetError) -> Bool {
        while true {
            let count = Glibc.read(descriptor, chunk.baseAddress, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .file(.last("read", path)) }
            unread = 0..<count
            return count > 0
        }
    }

    private func copy(into buffer: UnsafeMutableBufferPointer<UInt8>) throws(DatasetError) -> Int {
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

    private func startInflating() throws(DatasetError) {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        inflater = stream
        // 15: the largest window; 16: gzip framing, with its checksum.
        let status = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw .corruptGzip(path: path, reason: "zlib gives code \(status)") }
    }

    /// After a member's end: whether another follows, as gunzip reads them. Zeros to the end of the file are padding.
    private func beginNextMember(_ stream: UnsafeMutablePointer<z_stream>) throws(DatasetError) -> Bool {
        if unread.isEmpty, try !refill() { return false }
        if chunk[unread.lowerBound] == 0x1F {
            isLaterMember = true
            guard inflateReset(stream) == Z_OK else { throw .corruptGzip(path: path, reason: "zlib cannot continue") }
            return true
        }
        repeat {
            guard chunk[unread].allSatisfy({ $0 == 0 }) else { throw .garbageAfterGzip(path: path) }
            unread = unread.upperBound..<unread.upperBound
        } while try refill()
        return false
    }

    private func isHeaderError(_ stream: UnsafeMutablePointer<z_stream>) -> Bool {
        stream.pointee.msg.map { String(cString: $0) }?.contains("header check") == true
    }

    private func inflate(into buffer: UnsafeMutableBufferPointer<UInt8>) throws(DatasetError) -> Int {
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
                throw .garbageAfterGzip(path: path)
            default:
                let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib gives code \(status)"
                throw .corruptGzip(path: path, reason: reason)
            }
        }
        // The file ended before the trailer, where the checksum is.
        guard written == buffer.count || inflaterEnded else {
            throw .truncated(
                path: path, expectedBytes: max(contentDue, contentRead + buffer.count),
                foundBytes: contentRead + written)
        }
        return written
    }
}
