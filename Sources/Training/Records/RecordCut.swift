import Files
import Glibc

/// What a start does with a records file from before: whatever surely comes after the checkpoint goes, and a torn last
/// line; everything else stays, also what is not understood.
struct RecordCut {
    private let path: String
    private let format: RecordFormat
    /// Bytes that stay, ascending.
    private var kept: [Range<Int>] = []
    private var byteCount = 0
    private var hasHeader = false
    private var hasRecords = false
    /// The highest step or epoch in it; 0 without any.
    private(set) var highest = 0

    /// Reads the file, or nothing where there is none.
    ///
    /// - Parameter last: the step or epoch of the checkpoint.
    /// - Throws: ``RunFolderError/otherForm(path:line:)`` where continuing would spoil the file: one in another form.
    init(_ path: String, _ format: RecordFormat, after last: Int) throws {
        self.path = path
        self.format = format
        guard try FileSystem.kind(path) != .missing else { return }
        let file = try InputFile(path)
        byteCount = file.byteCount
        var nextLine = 1
        var torn: Range<Int>?
        var unknown: (count: Int, first: Int) = (0, 0)
        var problem: Int?
        try format.scan(file) { line, range, bytes throws(FileError) in
            let number = nextLine
            nextLine += bytes.count { $0 == UInt8(ascii: "\n") }
            var isKept = true
            switch line {
            case .silent: break
            case .header: hasHeader = true
            case .record(let value):
                hasRecords = true
                highest = max(highest, value)
                isKept = value <= last
            case .unknown: unknown = (unknown.count + 1, unknown.count == 0 ? number : unknown.first)
            case .otherForm(let value): if value > last { problem = problem ?? number }
            }
            if isKept { keep(range) }
            // Only what is last, except for blank lines and comments, can be torn.
            if line == .unknown(mayBeTorn: true) { torn = range } else if line != .silent { torn = nil }
        }
        if let torn { drop(torn) }
        if problem == nil, !hasHeader, !hasRecords, unknown.count > (torn == nil ? 0 : 1) { problem = unknown.first }
        if let problem { throw RunFolderError.otherForm(path: path, line: problem) }
    }

    private mutating func keep(_ range: Range<Int>) {
        if let end = kept.last, end.upperBound == range.lowerBound {
            kept[kept.count - 1] = end.lowerBound..<range.upperBound
        } else {
            kept.append(range)
        }
    }

    /// Takes back a range that was kept.
    private mutating func drop(_ range: Range<Int>) {
        guard let index = kept.lastIndex(where: { $0.contains(range.lowerBound) }) else { return }
        let whole = kept[index]
        let parts = [whole.lowerBound..<range.lowerBound, range.upperBound..<whole.upperBound].filter { !$0.isEmpty }
        kept.replaceSubrange(index...index, with: parts)
    }

    /// Whether rows have lost the header above them.
    private var lacksHeader: Bool { hasRecords && !hasHeader && !format.header.isEmpty && !kept.isEmpty }

    /// Does it: in one call where only the end goes, else by a new file that takes the name once it is whole.
    func apply() throws(FileError) {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        let length = kept.last?.upperBound ?? 0
        let isStart = kept.isEmpty || (kept.count == 1 && kept[0].lowerBound == 0)
        // Another name of the same file is somebody's copy, which gets nothing of what follows.
        if isStart && !lacksHeader && status.st_nlink == 1 {
            return length == byteCount ? () : try FileSystem.truncate(path, to: length)
        }
        let file = try InputFile(path)
        try FileSystem.replace(path) { sink throws(FileError) in
            if lacksHeader { try sink.write(format.header) }
            for range in kept {
                for start in stride(from: range.lowerBound, to: range.upperBound, by: 1 << 20) {
                    try sink.write(file.bytes(at: start, count: min(1 << 20, range.upperBound - start))[...])
                }
            }
        }
    }
}
