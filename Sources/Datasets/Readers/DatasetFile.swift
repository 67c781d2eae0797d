import Files
import Glibc
import Vectors

/// A data set's file, plain or gzip, read front to back: the reader says how much content is due before it takes memory
/// for it, and content that is shorter or longer is an error.
final class DatasetFile {
    let path: String
    private let file: StreamedFile
    private let share: MemoryShare
    private var contentRead = 0
    private var contentDue = 0

    /// - Parameter memory: what may be taken for the content.
    init(path: String, _ memory: MemoryShare = MemoryShare()) throws(DatasetError) {
        do throws(StreamedFile.Problem) { file = try StreamedFile(path) } catch { throw DatasetError(error, path) }
        self.path = path
        share = memory
        guard file.byteCount > 0 else { throw .empty(path: path) }
    }

    /// What the content looks like that begins with `head`, already read, and continues with what follows.
    func format(after head: [UInt8]) throws(DatasetError) -> FileFormat? {
        do throws(StreamedFile.Problem) { return try file.format(after: head) } catch { throw problem(error, 0) }
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
        if !file.isGzip {
            guard file.byteCount >= contentDue else {
                throw .truncated(path: path, expectedBytes: contentDue, foundBytes: file.byteCount)
            }
            guard file.byteCount == contentDue else { throw .trailingBytes(path: path, expectedBytes: contentDue) }
        }
        // Deflate cannot expand by more than 1032 to 1, so a larger announcement is a lie whatever follows.
        guard contentDue / 1032 <= file.byteCount, contentDue < Self.memory else {
            throw .tooLarge(path: path, dimensions: dimensions)
        }
        try share.check(path, contentDue)
        return values
    }

    private static var memory: Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }

    /// All of the content, however much it is.
    func readAll() throws(DatasetError) -> [UInt8] {
        if !file.isGzip {
            let bytes = try read(count: try expect(headerBytes: 0, dimensions: [file.byteCount]))
            try expectEnd()
            return bytes
        }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = try part.withUnsafeMutableBufferPointer { buffer throws(DatasetError) in
                try readSome(into: buffer)
            }
            // Half, as an array that grows is there twice for a moment.
            guard bytes.count < Self.memory / 2 else { throw .tooLarge(path: path, dimensions: [bytes.count]) }
            try share.check(path, 2 * bytes.count)
            bytes += part.prefix(count)
            if count < part.count { return bytes }
        }
    }

    /// Fills `buffer`, or throws where the content ends before that.
    func read(into buffer: UnsafeMutableBufferPointer<UInt8>) throws(DatasetError) {
        let count = try readSome(into: buffer)
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
        do throws(StreamedFile.Problem) {
            if try file.isAtEnd() { return }
        } catch { throw problem(error, 1) }
        throw .trailingBytes(path: path, expectedBytes: contentRead)
    }

    private func readSome(into buffer: UnsafeMutableBufferPointer<UInt8>) throws(DatasetError) -> Int {
        do throws(StreamedFile.Problem) {
            let count = try file.read(into: buffer)
            contentRead += count
            return count
        } catch { throw problem(error, buffer.count) }
    }

    /// - Parameter asked: bytes that were to be read.
    private func problem(_ problem: StreamedFile.Problem, _ asked: Int) -> DatasetError {
        guard case .cutShort(let count) = problem else { return DatasetError(problem, path) }
        return .truncated(
            path: path, expectedBytes: max(contentDue, contentRead + asked), foundBytes: contentRead + count)
    }
}

extension DatasetError {
    fileprivate init(_ problem: StreamedFile.Problem, _ path: String) {
        switch problem {
        case .file(let error): self = .file(error)
        case .corruptGzip(let reason): self = .corruptGzip(path: path, reason: reason)
        case .garbageAfterGzip: self = .garbageAfterGzip(path: path)
        case .cutShort(let count): self = .truncated(path: path, expectedBytes: count + 1, foundBytes: count)
        }
    }
}
