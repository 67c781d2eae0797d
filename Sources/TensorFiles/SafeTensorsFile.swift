import Files
import Glibc
import Vectors

/// A safetensors file open for reading. The header is checked in full when it is opened, before any value is read.
///
/// Any bytes are safe: a file that is not sound is an error, never a crash and never memory beyond the file's own size.
package struct SafeTensorsFile: Sendable {
    package struct Entry: Sendable, Equatable {
        package let name: String
        /// As the file has it.
        package let dtype: String
        package let shape: [Int]
        /// Product of the shape.
        package let count: Int
        /// From the start of the file.
        package let offset: Int
        /// Which of the files it is in, of a sharded one.
        package var shard = 0

        /// Nil for a type that is not read.
        package var element: TensorElement? { TensorElement(rawValue: dtype) }
    }

    package let path: String
    /// In the order in which the values lie in the file.
    package private(set) var entries: [Entry]
    package let metadata: [SafeTensors.Metadata]
    /// What was taken from the names that the file has; nil where they are as in the file.
    package private(set) var droppedFromNames: String?
    private var indexByName: [String: Int]
    private let files: [InputFile]

    /// - Parameter path: a `.safetensors` file, or the `.safetensors.index.json` of one in several parts.
    package init(_ path: String) throws(SafeTensorsError) {
        if path.hasSuffix(Self.indexSuffix) {
            self = try Self(sharded: path)
            return
        }
        self.path = path
        let file: InputFile
        do throws(FileError) { file = try InputFile(path) } catch { throw .file(error) }
        files = [file]
        let header = try Self.readHeader(file)
        var scanner = SafeTensorsHeader()
        do {
            try scanner.scan(header)
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

    package static let indexSuffix = ".safetensors.index.json"
    private static let mostIndexBytes = 1 << 26

    /// One file in several parts, by their index: `{"weight_map": {"NAME": "FILE", …}}`, as transformers and timm
    /// save large models. All parts must be beside it and hold what it says.
    private init(sharded path: String) throws(SafeTensorsError) {
        let folder = FileSystem.directory(of: path)
        let map = try Self.weightMap(path)
        var (files, entries): ([InputFile], [Entry]) = ([], [])
        for name in Set(map.values).sorted() {
            guard !name.isEmpty, !name.contains("/"), !name.hasSuffix(Self.indexSuffix) else {
                throw .malformed(path: path, problem: "it names '\(name)', which is no file beside it")
            }
            if (try? FileKind(of: "\(folder)/\(name)")) == .some(nil) {
                throw .file(
                    FileError(
                        "open", "\(folder)/\(name)", code: ENOENT,
                        reason: "\(path) names it, and it is not there; download all parts"))
            }
            let part = try SafeTensorsFile("\(folder)/\(name)")
            for var entry in part.entries where map[entry.name] == name {
                entry.shard = files.count
                entries.append(entry)
            }
            files += part.files
        }
        let found = Set(entries.map(\.name))
        if let lost = map.keys.sorted().first(where: { !found.contains($0) }) {
            throw .malformed(path: path, problem: "tensor \(lost) is not in \(map[lost] ?? ""), where it should be")
        }
        self.path = path
        (self.files, self.entries, metadata) = (files, entries, [])
        indexByName = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
    }

    private static func weightMap(_ path: String) throws(SafeTensorsError) -> [String: String] {
        let text: [UInt8]
        do throws(FileError) {
            text = try InputFile.bytes(path, limit: mostIndexBytes) { _ in
                "an index has at most \(mostIndexBytes) bytes"
            }
        } catch { throw .file(error) }
        var map: [String: String] = [:]
        do {
            var scanner = JSONScanner(text)
            try scanner.object { scanner, key in
                guard key == "weight_map" else {
                    _ = try scanner.skipValue()
                    return
                }
                try scanner.object { scanner, name in map[name] = try scanner.string() }
            }
            try scanner.end()
        } catch let error as JSONError {
            throw .malformed(path: path, problem: error.text)
        } catch {
            throw .malformed(path: path, problem: "\(error)")
        }
        guard !map.isEmpty else { throw .malformed(path: path, problem: "it has no weight_map, or an empty one") }
        return map
    }

    package subscript(name: String) -> Entry? { indexByName[name].map { entries[$0] } }

    /// The same file with other names for its entries, in their order.
    package func renamed(_ names: [String], dropped: String) -> SafeTensorsFile {
        var result = self
        result.entries = zip(entries, names).map {
            Entry(name: $1, dtype: $0.dtype, shape: $0.shape, count: $0.count, offset: $0.offset, shard: $0.shard)
        }
        result.indexByName = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        result.droppedFromNames = dropped
        return result
    }

    /// Copies the values of a tensor of floats into `vector`, whose length must be the tensor's, rounded to Float32.
    package func read(_ entry: Entry, into vector: FlatVector) throws(SafeTensorsError) {
        precondition(entry.count == vector.count)
        switch entry.element {
        case .float32: try read(UnsafeMutableRawBufferPointer(vector.elements), entry)
        case .float64: try convert(entry, zero: Double(0), into: vector) { Float($0) }
        case .float16: try convert(entry, zero: UInt16(0), into: vector) { Float(Float16(bitPattern: $0)) }
        case .bfloat16: try convert(entry, zero: UInt16(0), into: vector) { Float(bitPattern: UInt32($0) << 16) }
        case .int64, .int32, .uint8, nil:
            throw .unreadElement(path: path, tensor: entry.name, dtype: entry.dtype)
        }
    }

    private func convert<Stored: BitwiseCopyable>(
        _ entry: Entry, zero: Stored, into vector: FlatVector, _ float: (Stored) -> Float
    ) throws(SafeTensorsError) {
        for (index, value) in try numbers(entry, zero: zero).enumerated() { vector.pointer[index] = float(value) }
    }

    /// A tensor in its own element type; of 16 bits in Float32.
    package func read(_ entry: Entry) throws(SafeTensorsError) -> NamedTensor {
        let values: NamedTensor.Values
        switch entry.element {
        case .float32, .float16, .bfloat16:
            let vector = FlatVector(count: entry.count)
            try read(entry, into: vector)
            values = .float32(vector)
        case .float64: values = .float64(try numbers(entry, zero: 0))
        case .int64: values = .int64(try numbers(entry, zero: 0))
        case .int32: values = .int32(try numbers(entry, zero: 0))
        case .uint8: values = .uint8(try numbers(entry, zero: 0))
        case nil: throw .unreadElement(path: path, tensor: entry.name, dtype: entry.dtype)
        }
        return NamedTensor(entry.name, shape: entry.shape, values)
    }

    /// Every tensor, by name.
    package func readAll() throws(SafeTensorsError) -> [String: NamedTensor] {
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
        do throws(FileError) { try files[entry.shard].read(buffer, at: entry.offset) } catch { throw .file(error) }
    }

    private static func readHeader(_ file: InputFile) throws(SafeTensorsError) -> [UInt8] {
        let head = try bytes(file, at: 0, count: min(FileFormat.headCount, file.byteCount))
        let length = head.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        // Whatever else the file may be, its first bytes are no length then.
        guard head.count > 8, head[8] == UInt8(ascii: "{"), length <= SafeTensors.largestHeader else {
            let tailCount = min(FileFormat.tailCount, file.byteCount)
            let tail = try bytes(file, at: file.byteCount - tailCount, count: tailCount)
            throw .otherFormat(path: file.path, FileFormat(head: head, tail: tail), head: head)
        }
        guard length <= file.byteCount - 8 else {
            throw .malformed(
                path: file.path,
                problem: "it is cut short: it has \(file.byteCount) bytes, and \(length) in its header alone")
        }
        return try bytes(file, at: 8, count: Int(length))
    }

    private static func bytes(_ file: InputFile, at offset: Int, count: Int) throws(SafeTensorsError) -> [UInt8] {
        do throws(FileError) { return try file.bytes(at: offset, count: count) } catch { throw .file(error) }
    }
}
