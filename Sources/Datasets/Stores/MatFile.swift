import Files

/// What of MATLAB's files of version 5 ImageNet's `meta.mat` needs: arrays of structures whose fields are numbers and
/// texts ("MAT-File Format", MathWorks, chapter 1). Little-endian, plain or compressed.
package struct MatFile {
    /// A field of one structure; numbers and texts of any length, and nothing for what is neither.
    package enum Value: Equatable, Sendable {
        case numbers([Double])
        case text(String)
        case other
    }

    /// By the variable's name, each structure's fields by theirs.
    package private(set) var structures: [String: [[String: Value]]] = [:]

    private static let mostBytes = 1 << 26
    private static let mostElements = 1 << 16

    package struct Problem: Error { let reason: String }

    /// - Parameter bytes: the whole file.
    package init(_ bytes: [UInt8]) throws(Problem) {
        guard bytes.count >= 128, bytes.count <= Self.mostBytes else { throw Problem(reason: "it has no MAT header") }
        guard bytes[126] == UInt8(ascii: "I"), bytes[127] == UInt8(ascii: "M"), bytes[125] == 1 else {
            throw Problem(reason: "it is no little-endian MAT file of version 5")
        }
        var reader = MatReader(bytes[128...])
        while !reader.isAtEnd {
            var element = try reader.element(isPadded: false)
            if element.type == MatReader.compressed {
                guard let inflated = Inflated.bytes(of: element.bytes, limit: Self.mostBytes) else {
                    throw Problem(reason: "a compressed part is damaged")
                }
                var inner = MatReader(inflated[...])
                element = try inner.element()
            }
            guard element.type == MatReader.matrix else { continue }
            try addMatrix(element.bytes)
        }
    }

    private mutating func addMatrix(_ bytes: ArraySlice<UInt8>) throws(Problem) {
        var reader = MatReader(bytes)
        let head = try reader.arrayHead()
        guard head.kind == MatReader.structure else { return }
        let length = try reader.integers()
        let names = try reader.element().bytes
        guard length.count == 1, (1...64).contains(length[0]), names.count % length[0] == 0 else {
            throw Problem(reason: "the fields of \(head.name) have no names")
        }
        let fields = stride(from: names.startIndex, to: names.endIndex, by: length[0]).map { start in
            String(decoding: names[start..<start + length[0]].prefix { $0 != 0 }, as: UTF8.self)
        }
        guard head.count * max(fields.count, 1) <= Self.mostElements else {
            throw Problem(reason: "\(head.name) has \(head.count) structures, too many")
        }
        var rows: [[String: Value]] = []
        for _ in 0..<head.count {
            var row: [String: Value] = [:]
            for field in fields { row[field] = try Self.value(reader.element()) }
            rows.append(row)
        }
        structures[head.name] = rows
    }

    private static func value(_ element: MatReader.Element) throws(Problem) -> Value {
        guard element.type == MatReader.matrix else { return .other }
        if element.bytes.isEmpty { return .other }
        var reader = MatReader(element.bytes)
        let head = try reader.arrayHead()
        switch head.kind {
        case MatReader.characters:
            let text = try reader.text()
            guard text.unicodeScalars.count == head.count || text.utf16.count == head.count else {
                throw Problem(reason: "a text has another length than it says")
            }
            return .text(text)
        case 6...15:
            let numbers = try reader.numbers()
            guard numbers.count == head.count else { throw Problem(reason: "an array has another size than it says") }
            return .numbers(numbers)
        default: return .other
        }
    }
}

/// Reads elements one after another: a tag of type and size, then the bytes, filled up to a multiple of 8.
private struct MatReader {
    typealias Problem = MatFile.Problem
    typealias Element = (type: Int, bytes: ArraySlice<UInt8>)
    static let (matrix, compressed) = (14, 15)
    static let (structure, characters) = (2, 4)
    private static let cutShort = Problem(reason: "it was cut short, or an element is larger than what holds it")

    private var rest: ArraySlice<UInt8>
    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }
    var isAtEnd: Bool { rest.isEmpty }

    private static func word(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private mutating func take(_ count: Int) throws(Problem) -> ArraySlice<UInt8> {
        guard count >= 0, count <= rest.count else { throw Self.cutShort }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    /// - Parameter isPadded: compressed ones are not.
    mutating func element(isPadded: Bool = true) throws(Problem) -> Element {
        let first = Self.word(try take(4))
        // Up to four bytes lie in the tag itself.
        if first >> 16 != 0 {
            let content = try take(4)
            guard first >> 16 <= 4 else { throw Self.cutShort }
            return (first & 0xFFFF, content.prefix(first >> 16))
        }
        let count = Self.word(try take(4))
        let bytes = try take(count)
        // The last may lack what would fill it up.
        if isPadded || first != Self.compressed { _ = try take(min((8 - count % 8) % 8, rest.count)) }
        return (first, bytes)
    }

    /// Flags, dimensions and name of an array.
    mutating func arrayHead() throws(Problem) -> (kind: Int, count: Int, name: String) {
        let flags = try element().bytes
        guard flags.count == 8, let kind = flags.first else { throw Problem(reason: "an array has no flags") }
        let sizes = try integers()
        var count = 1
        for size in sizes {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard size >= 0, !overflow, product <= 1 << 26 else { throw Problem(reason: "an array is too large") }
            count = product
        }
        guard (2...8).contains(sizes.count) else { throw Problem(reason: "an array has \(sizes.count) dimensions") }
        return (Int(kind), count, String(decoding: try element().bytes, as: UTF8.self))
    }

    mutating func integers() throws(Problem) -> [Int] {
        try numbers().map { Int(exactly: $0) ?? -1 }
    }

    /// UTF-8, or numbers that are UTF-16.
    mutating func text() throws(Problem) -> String {
        var start = self
        let (type, bytes) = try start.element()
        if type == 16 {
            self = start
            return String(decoding: bytes, as: UTF8.self)
        }
        return String(decoding: try numbers().map { UInt16(exactly: $0) ?? 0xFFFD }, as: UTF16.self)
    }

    /// Of whatever type they are stored in.
    mutating func numbers() throws(Problem) -> [Double] {
        let (type, bytes) = try element()
        // int8, uint8, int16, uint16, int32, uint32, single, double, int64, uint64, utf16.
        let sizes = [1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8, 17: 2]
        guard let size = sizes[type], bytes.count % size == 0 else {
            throw Problem(reason: "numbers have the unknown type \(type)")
        }
        return stride(from: bytes.startIndex, to: bytes.endIndex, by: size).map { start in
            let bits = bytes[start..<start + size].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            switch type {
            case 1: return Double(Int8(truncatingIfNeeded: bits))
            case 3: return Double(Int16(truncatingIfNeeded: bits))
            case 5: return Double(Int32(truncatingIfNeeded: bits))
            case 7: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
            case 9: return Double(bitPattern: bits)
            case 12: return Double(Int64(bitPattern: bits))
            default: return Double(bits)
            }
        }
    }
}
