import Files

/// Reads the header of a safetensors file: from bytes to checked entries.
package struct SafeTensorsHeader {
    /// What the header says of one tensor, not yet checked against the rest.
    private struct Claim {
        package var name: String
        package var dtype: String
        package var shape: [Int]
        package var begin: Int
        package var end: Int
    }

    package struct Unsound: Error {
        package let problem: String
    }

    /// More dimensions than any tensor has; keeps a hostile header from filling memory.
    private static let mostDimensions = 64

    private(set) var metadata: [SafeTensors.Metadata] = []
    private var claims: [Claim] = []

    package mutating func scan(_ bytes: [UInt8]) throws {
        guard bytes.first == UInt8(ascii: "{") else { throw JSONError(problem: "expected an object", offset: 0) }
        var scanner = JSONScanner(bytes)
        try scanner.object { scanner, name in
            if name == "__metadata__" {
                try scanner.object { scanner, key in metadata.append(.init(key, try scanner.string())) }
            } else {
                claims.append(try Self.claim(name, &scanner))
            }
        }
        try scanner.end()
    }

    private static func claim(_ name: String, _ scanner: inout JSONScanner) throws -> Claim {
        var dtype: String?
        var shape: [Int]?
        var offsets: [Int]?
        let start = scanner.offset
        try scanner.object { scanner, key in
            switch key {
            case "dtype": dtype = try scanner.string()
            case "shape": shape = try numbers(&scanner, limit: mostDimensions)
            case "data_offsets": offsets = try numbers(&scanner, limit: 2)
            default: throw JSONError(problem: "unknown key \"\(key)\" of tensor \(name)", offset: scanner.offset)
            }
        }
        guard let dtype, let shape, let offsets, offsets.count == 2 else {
            throw JSONError(problem: "tensor \(name) lacks dtype, shape or two data_offsets", offset: start)
        }
        return Claim(name: name, dtype: dtype, shape: shape, begin: offsets[0], end: offsets[1])
    }

    /// Bits of a value; nil for what the format may come to know.
    private static func bits(_ dtype: String) -> Int? {
        if let element = TensorElement(rawValue: dtype) { return 8 * element.byteCount }
        return switch dtype {
        case "F4": 4
        case "F6_E2M3", "F6_E3M2": 6
        case "BOOL", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ": 8
        case "I16", "U16": 16
        case "U32": 32
        case "U64", "C64": 64
        default: nil
        }
    }

    private static func numbers(_ scanner: inout JSONScanner, limit: Int) throws -> [Int] {
        var numbers: [Int] = []
        try scanner.array { scanner in
            if numbers.count == limit { throw JSONError(problem: "over \(limit) numbers", offset: scanner.offset) }
            numbers.append(try scanner.count())
        }
        return numbers
    }

    /// The entries in the order of their values, once every claim fits the others and the file.
    package func checkedEntries(dataStart: Int, dataCount: Int) throws(Unsound) -> [SafeTensorsFile.Entry] {
        var entries: [SafeTensorsFile.Entry] = []
        var covered = 0
        for claim in claims.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
            let (name, begin, end) = (claim.name, claim.begin, claim.end)
            guard begin <= end else { throw Unsound(problem: "tensor \(name) ends before it begins") }
            guard end <= dataCount else {
                throw Unsound(
                    problem: "it is cut short: tensor \(name) ends at byte \(end) of \(dataCount) bytes of values")
            }
            guard begin >= covered else { throw Unsound(problem: "tensor \(name) overlaps the one before it") }
            guard begin == covered else { throw Unsound(problem: "a hole of unused bytes before tensor \(name)") }
            covered = end
            var count = 1
            for size in claim.shape { count = try Self.product(count, size, name) }
            if let bits = Self.bits(claim.dtype), try Self.product(count, bits, name) != 8 * (end - begin) {
                throw Unsound(
                    problem: "tensor \(name) of shape \(claim.shape) and dtype \(claim.dtype) has \(end - begin) bytes")
            }
            entries.append(
                .init(name: name, dtype: claim.dtype, shape: claim.shape, count: count, offset: dataStart + begin))
        }
        guard covered == dataCount else {
            throw Unsound(problem: "\(dataCount - covered) bytes after the last tensor belong to none")
        }
        return entries
    }

    private static func product(_ first: Int, _ second: Int, _ name: String) throws(Unsound) -> Int {
        let (product, overflow) = first.multipliedReportingOverflow(by: second)
        if overflow { throw Unsound(problem: "the shape of tensor \(name) overflows") }
        return product
    }
}
