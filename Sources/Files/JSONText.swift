extension String {
    /// Appends `text` as a JSON string, quoted and escaped. What is not ASCII stays as it is, in UTF-8.
    package mutating func appendJSON(_ text: String) {
        append("\"")
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": append("\\\"")
            case "\\": append("\\\\")
            case "\n": append("\\n")
            case "\r": append("\\r")
            case "\t": append("\\t")
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                append("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
            default: unicodeScalars.append(scalar)
            }
        }
        append("\"")
    }

    /// Appends a number with all its digits, or null for what JSON has no number for.
    ///
    /// Allocates nothing while the string has room: it is used once a step.
    package mutating func appendJSON(_ value: Double?) {
        if let value, value.isFinite { value.write(to: &self) } else { append("null") }
    }
}

/// What a JSON text holds where something else was expected.
package struct JSONError: Error {
    package let problem: String
    /// In bytes from the start of the text.
    package let offset: Int

    package init(problem: String, offset: Int) {
        self.problem = problem
        self.offset = offset
    }

    package var text: String { "\(problem) at byte \(offset)" }
}

/// Reads JSON of a known form, value by value, in the order of the text; nothing is built that was not asked for.
///
/// Stricter than most: a key used twice is an error, so are numbers in another form than expected. Any bytes are safe.
package struct JSONScanner {
    private let bytes: [UInt8]
    package private(set) var offset = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Calls `member` with each key, the scanner standing before its value, which `member` must read.
    package mutating func object(_ member: (inout JSONScanner, String) throws -> Void) throws {
        var keys: Set<String> = []
        try take("{", "an object")
        if skip("}") { return }
        repeat {
            skipSpace()
            let start = offset
            let key = try string()
            if !keys.insert(key).inserted { throw JSONError(problem: "key \"\(key)\" occurs twice", offset: start) }
            try take(":", "':'")
            try member(&self, key)
        } while skip(",")
        try take("}", "',' or '}'")
    }

    package mutating func array(_ element: (inout JSONScanner) throws -> Void) throws {
        try take("[", "an array")
        if skip("]") { return }
        repeat { try element(&self) } while skip(",")
        try take("]", "',' or ']'")
    }

    /// A whole number that is not negative.
    package mutating func count() throws -> Int {
        let start = offset
        guard let value = Int(exactly: try unsigned()) else {
            throw JSONError(problem: "number too large", offset: start)
        }
        return value
    }

    package mutating func unsigned() throws -> UInt64 {
        skipSpace()
        let start = offset
        var value: UInt64 = 0
        while offset < bytes.count, case let digit = bytes[offset] &- UInt8(ascii: "0"), digit < 10 {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            if overflow || carry { throw JSONError(problem: "number too large", offset: start) }
            value = sum
            offset += 1
        }
        let isLeadingZero = offset > start + 1 && bytes[start] == UInt8(ascii: "0")
        let goesOn = offset < bytes.count && [".", "e", "E"].contains(Character(Unicode.Scalar(bytes[offset])))
        if offset == start || isLeadingZero || goesOn {
            throw JSONError(problem: "expected a whole number that is not negative", offset: start)
        }
        return value
    }

    /// Passes over any value; returns it where it is a number. NaN and Infinity count as such: Python writes them.
    ///
    /// - Parameter depth: how many objects and arrays more may lie within each other.
    package mutating func skipValue(depth: Int = 32) throws -> Double? {
        skipSpace()
        guard offset < bytes.count, depth > 0 else { throw JSONError(problem: "expected a value", offset: offset) }
        switch bytes[offset] {
        case UInt8(ascii: "{"): try object { scanner, _ in _ = try scanner.skipValue(depth: depth - 1) }
        case UInt8(ascii: "["): try array { scanner in _ = try scanner.skipValue(depth: depth - 1) }
        case UInt8(ascii: "\""): _ = try string()
        default:
            let start = offset
            while offset < bytes.count, !Self.endsWord.contains(bytes[offset]) { offset += 1 }
            let word = String(decoding: bytes[start..<offset], as: UTF8.self)
            if ["true", "false", "null", "NaN"].contains(word) { return nil }
            guard let number = Double(word) else { throw JSONError(problem: "expected a value", offset: start) }
            return number
        }
        return nil
    }

    private static let endsWord = Array(",]} \n\r\t".utf8)

    package mutating func string() throws -> String {
        try take("\"", "a string")
        let start = offset
        var text: [UInt8] = []
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw JSONError(problem: "string is not UTF-8", offset: start)
                }
                return string
            case UInt8(ascii: "\\"): try appendEscape(to: &text)
            case 0..<0x20: throw JSONError(problem: "control character in a string", offset: offset - 1)
            default: text.append(byte)
            }
        }
        throw JSONError(problem: "string does not end", offset: start)
    }

    /// After the value nothing but space may follow.
    package mutating func end() throws {
        skipSpace()
        if offset < bytes.count { throw JSONError(problem: "something follows the JSON text", offset: offset) }
    }

    private mutating func appendEscape(to text: inout [UInt8]) throws {
        let start = offset - 1
        guard offset < bytes.count else { throw JSONError(problem: "string does not end", offset: start) }
        let byte = bytes[offset]
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal(start)
            // Half of a surrogate pair must be followed by the other.
            if code & 0xFC00 == 0xD800, offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
                bytes[offset + 1] == UInt8(ascii: "u")
            {
                offset += 2
                let low = try hexadecimal(start)
                guard low & 0xFC00 == 0xDC00 else { throw JSONError(problem: "wrong escape", offset: start) }
                code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
            }
            guard let scalar = Unicode.Scalar(code) else { throw JSONError(problem: "wrong escape", offset: start) }
            text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default: throw JSONError(problem: "wrong escape", offset: start)
        }
    }

    private mutating func hexadecimal(_ start: Int) throws -> UInt32 {
        guard offset + 4 <= bytes.count else { throw JSONError(problem: "string does not end", offset: start) }
        var code: UInt32 = 0
        for byte in bytes[offset..<offset + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw JSONError(problem: "wrong escape", offset: start)
            }
            code = code << 4 | UInt32(digit)
        }
        offset += 4
        return code
    }

    private mutating func skipSpace() {
        while offset < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[offset]) { offset += 1 }
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    private mutating func take(_ character: Unicode.Scalar, _ expected: String) throws {
        if !skip(character) { throw JSONError(problem: "expected \(expected)", offset: offset) }
    }
}
