import Vectors

/// A safetensors file open for reading. The header is checked in full when it is opened, before any value is read.
///
/// Any bytes are safe: a file that is not sound is an error, never a crash and never memory beyond the file's own size.
public struct SafeTensorsFile: Sendable {
    public struct Entry: Sendable, Equatable {
        public let name: String
        public let element: TensorElement
        public let shape: [Int]
        /// Product of the shape.
        public let count: Int
        /// From the start of the file.
        let offset: Int
    }

    public let path: String
    /// In the order in which the values lie in the file.
    public let entries: [Entry]
    public let metadata: [SafeTensors.Metadata]
    private let indexByName: [String: Int]
    private let file: InputFile

    public init(_ path: String) throws(SafeTensorsError) {
        self.path = path
        do throws(FileError) { file = try InputFile(path) } catch { throw .file(error) }
        let header = try Self.readHeader(file)
        var scanner = SafeTensorsHeader()
        do {
            try scanner.scan(header)
        } catch let error as SafeTensorsHeader.UnknownElement {
            throw .unknownElement(path: path, tensor: error.tensor, dtype: error.dtype)
        } catch let error as JSONError {
            throw .malformed(path: path, problem: "its header: \(error.text)")
        } catch {
            throw .malformed(path: path, problem: "its header: \(error)")
        }
        let start = 8 + header.count
        do throws(SafeTensorsHeader.Unsound) {
            entries = try scanner.checkedEntries(dataStart: start, dataCount: file.byteCount - start)
        } catch {
            throw .malformed(path: path, problem: error.problem)
        }
        metadata = scanner.metadata
        indexByName = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
    }

    public subscript(name: String) -> Entry? { indexByName[name].map { entries[$0] } }

    /// Copies the values of a Float32 tensor into `vector`, whose length must be the tensor's.
    public func read(_ entry: Entry, into vector: FlatVector) throws(SafeTensorsError) {
        precondition(entry.element == .float32 && entry.count == vector.count)
        try read(UnsafeMutableRawBufferPointer(vector.elements), entry)
    }

    public func read(_ entry: Entry) throws(SafeTensorsError) -> NamedTensor {
        let values: NamedTensor.Values
        switch entry.element {
        case .float32:
            let vector = FlatVector(count: entry.count)
            try read(entry, into: vector)
            values = .float32(vector)
        case .float64: values = .float64(try numbers(entry, zero: 0))
        case .int64: values = .int64(try numbers(entry, zero: 0))
        case .int32: values = .int32(try numbers(entry, zero: 0))
        case .uint8: values = .uint8(try numbers(entry, zero: 0))
        }
        return NamedTensor(entry.name, shape: entry.shape, values)
    }

    /// Every tensor, by name.
    public func readAll() throws(SafeTensorsError) -> [String: NamedTensor] {
        var tensors: [String: NamedTensor] = [:]
        for entry in entries { tensors[entry.name] = try read(entry) }
        return tensors
    }

    private func numbers<Number: BitwiseCopyable>(
        _ entry: Entry, zero: Number
    ) throws(SafeTensorsError) -> [Number] {
        var numbers = [Number](repeating: zero, count: entry.count)
        var failure: SafeTensorsError?
        numbers.withUnsafeMutableBytes { bytes in
            do throws(SafeTensorsError) { try read(bytes, entry) } catch { failure = error }
        }
        if let failure { throw failure }
        return numbers
    }

    private func read(_ buffer: UnsafeMutableRawBufferPointer, _ entry: Entry) throws(SafeTensorsError) {
        do throws(FileError) { try file.read(buffer, at: entry.offset) } catch { throw .file(error) }
    }

    private static func readHeader(_ file: InputFile) throws(SafeTensorsError) -> [UInt8] {
        guard file.byteCount >= 8 else {
            throw .malformed(path: file.path, problem: "it has \(file.byteCount) bytes, too few for a header")
        }
        let length = try bytes(file, at: 0, count: 8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let limit = min(SafeTensors.largestHeader, file.byteCount - 8)
        guard length <= limit else {
            throw .malformed(
                path: file.path, problem: "its header claims \(length) bytes where at most \(limit) are possible")
        }
        return try bytes(file, at: 8, count: Int(length))
    }

    private static func bytes(_ file: InputFile, at offset: Int, count: Int) throws(SafeTensorsError) -> [UInt8] {
        do throws(FileError) { return try file.bytes(at: offset, count: count) } catch { throw .file(error) }
    }
}
