import Files

#if _endian(big)
    #error("safetensors files are little-endian, and values are written as they lie in memory")
#endif

/// The safetensors format: eight bytes of header length, a JSON header, then all values without gaps.
///
/// The header maps each name to `{"dtype": …, "shape": […], "data_offsets": [begin, end]}`, offsets counting from the
/// end of the header; `__metadata__` holds strings. See https://github.com/huggingface/safetensors#format.
package enum SafeTensors {
    /// The format's own bound on the header, in bytes.
    package static let largestHeader = 100_000_000

    /// One string of the file's `__metadata__`.
    package struct Metadata: Sendable, Equatable {
        package let key: String
        package let value: String

        package init(_ key: String, _ value: String) {
            self.key = key
            self.value = value
        }
    }

    /// Writes `tensors` in the given order; the same tensors give the same bytes.
    ///
    /// A name used twice traps. The header is padded so that values begin at a multiple of 8 bytes.
    package static func write(
        _ tensors: [NamedTensor], metadata: [Metadata] = [], to sink: any ByteSink
    ) throws(FileError) {
        precondition(Set(tensors.map(\.name)).count == tensors.count, "two tensors of one name")
        var header = "{"
        if !metadata.isEmpty {
            header += "\"__metadata__\":{"
            for (index, entry) in metadata.enumerated() {
                if index > 0 { header += "," }
                header.appendJSON(entry.key)
                header += ":"
                header.appendJSON(entry.value)
            }
            header += "}"
        }
        var offset = 0
        for tensor in tensors {
            let end = offset + tensor.count * tensor.element.byteCount
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            if header.utf8.count > 1 { header += "," }
            header.appendJSON(tensor.name)
            header +=
                ":{\"dtype\":\"\(tensor.element.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
            offset = end
        }
        header += "}"
        header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        var failure: FileError?
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { bytes in
            do throws(FileError) { try sink.write(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
        try sink.write(header)
        for tensor in tensors { try tensor.write(to: sink) }
    }
}
