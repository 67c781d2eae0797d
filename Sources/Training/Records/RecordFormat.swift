import Files
import Glibc

/// A kind of records file: what its lines are, whoever has edited them since.
enum RecordFormat: Sendable {
    /// `metrics.jsonl`, an object a step.
    case steps
    /// `epochs.csv`, a row an epoch below a header. `further`: names of what is evaluated beside the weights on the
    /// test images.
    case epochs(further: [String])

    /// What a line is; of JSON also several, where a tool has broken an object.
    enum Line: Equatable {
        /// A step or an epoch, by its number.
        case record(Int)
        case header
        /// Blank or a comment.
        case silent
        /// Not understood. `mayBeTorn`: it could be the beginning of a record.
        case unknown(mayBeTorn: Bool)
        /// Records up to this number in another form: they can be neither kept nor cut where they come after a
        /// checkpoint.
        case otherForm(Int)
    }

    /// What a new file begins with.
    var header: String {
        switch self {
        case .steps: ""
        case .epochs(let further): EpochMetrics.header(further)
        }
    }

    private var isOfSteps: Bool { if case .steps = self { true } else { false } }

    func line(_ bytes: ArraySlice<UInt8>) -> Line {
        if isOfSteps, let number = Self.ownStep(bytes) { return .record(number) }
        let text = Self.trimmed(bytes)
        guard let first = text.first else { return bytes.contains(0) ? .unknown(mayBeTorn: true) : .silent }
        if first == UInt8(ascii: "#") || text.starts(with: "//".utf8) { return .silent }
        return isOfSteps ? Self.object(text) : row(text)
    }

    /// Whether lines end within an object that is sound so far, as a tool writes it that breaks lines.
    func isOpen(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard isOfSteps, Self.ownStep(bytes) == nil else { return false }
        let text = Self.trimmed(bytes)
        guard text.first == UInt8(ascii: "{") else { return false }
        var scanner = JSONScanner(Array(text))
        do { _ = try Self.step(&scanner) } catch { return (error as? JSONError)?.offset == text.count }
        return false
    }

    private static let ownStart = Array("{\"step\":".utf8)

    /// The step of a line exactly as ``StepMetrics`` writes it, without reading the rest: nearly all lines are.
    private static func ownStep(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.starts(with: ownStart) else { return nil }
        let digits = bytes.dropFirst(ownStart.count).prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        let end = bytes.suffix(3).filter { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }.last
        guard end == UInt8(ascii: "}"), bytes[digits.endIndex] == UInt8(ascii: ","), bytes.last == UInt8(ascii: "\n"),
            !bytes[digits.endIndex...].contains(UInt8(ascii: "{"))
        else { return nil }
        return Int(String(decoding: digits, as: UTF8.self))
    }

    private static func object(_ text: ArraySlice<UInt8>) -> Line {
        if text.first == UInt8(ascii: "[") { return .otherForm(.max) }
        guard text.first == UInt8(ascii: "{") else { return .unknown(mayBeTorn: false) }
        var scanner = JSONScanner(Array(text))
        do {
            guard var last = try step(&scanner) else { return .unknown(mayBeTorn: false) }
            var count = 1
            while (try? scanner.end()) == nil {
                count += 1
                guard let next = try? step(&scanner) else { break }
                last = max(last, next)
            }
            return count == 1 ? .record(last) : .otherForm(last)
        } catch {
            return .unknown(mayBeTorn: true)
        }
    }

    /// Reads one object; returns its step, nil where it has none.
    private static func step(_ scanner: inout JSONScanner) throws -> Int? {
        var step: Double?
        try scanner.object { scanner, key in
            let number = try scanner.skipValue()
            if key == "step" { step = number }
        }
        return step.flatMap { Int(exactly: $0) }
    }

    private func row(_ text: ArraySlice<UInt8>) -> Line {
        let cells = Self.cells(String(decoding: text, as: UTF8.self))
        let columns = Self.cells(header)
        if cells.starts(with: columns) { return .header }
        if cells.contains(columns[0]) && cells.contains(columns[1]) { return .otherForm(.max) }
        if columns.joined(separator: ",").hasPrefix(cells.joined(separator: ",")) { return .unknown(mayBeTorn: true) }
        guard let epoch = Double(cells[0]).flatMap({ Int(exactly: $0) }) else { return .unknown(mayBeTorn: false) }
        return cells.count < columns.count ? .unknown(mayBeTorn: true) : .record(epoch)
    }

    /// Without the quotes that a spreadsheet may put around them.
    private static func cells(_ row: String) -> [String] {
        row.split(separator: ",", omittingEmptySubsequences: false).map {
            String($0.filter { $0 != "\"" && !$0.isWhitespace })
        }
    }

    /// Without white space, a byte order mark and the zeros that a crash can leave.
    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0 || byte == 0x20 || (9...13).contains(byte) }
        var text = bytes.drop(while: isSpace)
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3).drop(while: isSpace) }
        while let last = text.last, isSpace(last) { text.removeLast() }
        return text
    }

    /// Calls `body` with each line, or the lines that are one object, and its place in the file.
    func scan(
        _ file: InputFile, _ body: (Line, Range<Int>, ArraySlice<UInt8>) throws(FileError) -> Void
    ) throws(FileError) {
        var reader = LineReader(file)
        while var bytes = try reader.next() {
            let start = reader.offset - bytes.count
            if isOpen(bytes[...]) {
                // Of a line that is merely torn the next ones are lines of their own.
                let mark = reader.offset
                let first = bytes
                while bytes.count < 1 << 16, isOpen(bytes[...]), let more = try reader.next() { bytes += more }
                if isOpen(bytes[...]) || line(bytes[...]) == .unknown(mayBeTorn: true) {
                    reader.move(to: mark)
                    bytes = first
                }
            }
            try body(line(bytes[...]), start..<start + bytes.count, bytes[...])
        }
    }
}

/// Reads lines with their line breaks, in chunks.
private struct LineReader {
    /// Of the next line.
    private(set) var offset = 0
    private let file: InputFile
    private var chunk: [UInt8] = []
    private var chunkOffset = 0

    init(_ file: InputFile) { self.file = file }

    mutating func move(to offset: Int) {
        self.offset = offset
        if offset < chunkOffset { (chunk, chunkOffset) = ([], 0) }
    }

    mutating func next() throws(FileError) -> [UInt8]? {
        var line: [UInt8] = []
        while true {
            if offset >= chunkOffset + chunk.count {
                let count = min(file.byteCount - offset, 1 << 18)
                if count <= 0 { return line.isEmpty ? nil : line }
                chunkOffset = offset
                chunk = try file.bytes(at: offset, count: count)
            }
            let rest = chunk[(offset - chunkOffset)...]
            let part = rest.prefix { $0 != UInt8(ascii: "\n") }
            let isWhole = part.endIndex < rest.endIndex
            line += isWhole ? rest[...part.endIndex] : part
            offset = chunkOffset + part.endIndex + (isWhole ? 1 : 0)
            if isWhole { return line }
        }
    }
}
