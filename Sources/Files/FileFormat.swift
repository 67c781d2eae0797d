/// Formats that files have in place of the one that was expected, known by their bytes, whatever the file's name.
package enum FileFormat: Sendable, Equatable, CaseIterable {
    // Packed.
    case gzip, bzip2, xz, zstandard, compress, zip, sevenZip, tar
    // Weights and arrays.
    case safetensors, pytorchZip, torchScript, pytorchPickle, pickle
    case numpyArray, numpyArchive, hdf5, onnx, tensorflow, gguf, matlab
    // What a download leaves in a file's place.
    case lfsPointer, annexPointer, html, xml, shardIndex, json

    /// Bytes from the file's start that knowing it takes.
    package static let headCount = 512
    /// And from its end.
    package static let tailCount = 8

    /// - Parameters:
    ///   - head: the first ``headCount`` bytes, or all of a shorter file.
    ///   - tail: the last ``tailCount`` bytes, where they are at hand.
    package init?(head: [UInt8], tail: [UInt8] = []) {
        func begins(_ bytes: [UInt8], at offset: Int = 0) -> Bool { head.dropFirst(offset).starts(with: bytes) }
        func begins(_ text: String, at offset: Int = 0) -> Bool { begins(Array(text.utf8), at: offset) }
        if let known = Self.signatures.first(where: { begins($0.bytes) }) {
            self = known.format
        } else if begins("PK\u{3}\u{4}") || begins("PK\u{5}\u{6}") {
            self = Self.archive(head)
        } else if begins([0x80]), head.count > 2, (2...5).contains(head[1]) {
            // Before its pickled contents, torch.save writes a number of ten bytes.
            self = begins([0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9], at: 2) ? .pytorchPickle : .pickle
        } else if begins("ustar", at: 257) {
            self = .tar
        } else if tail == [0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB] {
            self = .tensorflow
        } else if head.count > 8, head[8] == UInt8(ascii: "{"), head[3] < 6, head[4..<8].allSatisfy({ $0 == 0 }) {
            self = .safetensors
        } else if head.count > 3, head[0] == 0x08, (1...32).contains(head[1]),
            [0x12, 0x1A, 0x3A, 0x42].contains(head[2])
        {
            // Protocol buffers: the format's version, then the producer's name or the graph.
            self = .onnx
        } else if let text = Self.textual(head) {
            self = text
        } else {
            return nil
        }
    }

    private static let signatures: [(format: FileFormat, bytes: [UInt8])] = [
        (.gzip, [0x1F, 0x8B]), (.compress, [0x1F, 0x9D]), (.bzip2, Array("BZh".utf8)),
        (.xz, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]), (.zstandard, [0x28, 0xB5, 0x2F, 0xFD]),
        (.sevenZip, [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]), (.numpyArray, [0x93] + Array("NUMPY".utf8)),
        (.hdf5, [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]), (.gguf, Array("GGUF".utf8)),
        (.matlab, Array("MATLAB 5.0 MAT-file".utf8)), (.matlab, Array("MATLAB 7.3 MAT-file".utf8)),
        (.lfsPointer, Array("version https://git-lfs".utf8)), (.annexPointer, Array("/annex/objects/".utf8)),
    ]

    /// Which kind of zip archive it is shows in the name of its first member.
    private static func archive(_ head: [UInt8]) -> FileFormat {
        guard head.count > 30 else { return .zip }
        let length = Int(head[26]) | Int(head[27]) << 8
        let name = String(decoding: head.dropFirst(30).prefix(length), as: UTF8.self)
        // torch.save's first member is the pickle; other writers of the form begin with its version or byte order.
        let signs = ["/data.pkl", "/constants.pkl", "/version", "/.format_version", "/byteorder"]
        if signs.contains(where: name.hasSuffix) { return .pytorchZip }
        // torch.jit.save begins with the first tensor, or with the code.
        if name.hasSuffix("/data/0") || name.contains("/code/__torch__") { return .torchScript }
        return name.hasSuffix(".npy") ? .numpyArchive : .zip
    }

    private static func textual(_ head: [UInt8]) -> FileFormat? {
        let mark: [UInt8] = head.starts(with: [0xEF, 0xBB, 0xBF]) ? [0xEF, 0xBB, 0xBF] : []
        let text = String(decoding: head.dropFirst(mark.count), as: UTF8.self).drop { $0.isWhitespace }.lowercased()
        if ["<!doctype html", "<html", "<head", "<!--"].contains(where: text.hasPrefix) { return .html }
        if text.hasPrefix("<?xml") { return text.contains("<html") ? .html : .xml }
        guard text.hasPrefix("{"), text.dropFirst().drop(while: \.isWhitespace).hasPrefix("\"") else { return nil }
        return text.contains("\"weight_map\"") || text.contains("\"total_size\"") ? .shardIndex : .json
    }

    /// As in "it is …".
    package var text: String {
        switch self {
        case .gzip: "gzip data"
        case .bzip2: "bzip2 data"
        case .xz: "xz data"
        case .zstandard: "zstd data"
        case .compress: "data of the old compress (.Z)"
        case .zip: "a zip archive"
        case .sevenZip: "a 7z archive"
        case .tar: "a tar archive"
        case .safetensors: "a safetensors file"
        case .pytorchZip: "a PyTorch file (torch.save's zip form)"
        case .torchScript: "a TorchScript file (torch.jit.save)"
        case .pytorchPickle: "a PyTorch file (torch.save's old pickle form)"
        case .pickle: "a Python pickle"
        case .numpyArray: "a NumPy array (.npy)"
        case .numpyArchive: "a NumPy archive (.npz)"
        case .hdf5: "an HDF5 file"
        case .onnx: "an ONNX or TensorFlow model"
        case .tensorflow: "a part of a TensorFlow checkpoint"
        case .gguf: "a GGUF file"
        case .matlab: "a Matlab file (.mat)"
        case .lfsPointer: "a Git LFS pointer"
        case .annexPointer: "a git-annex pointer"
        case .html: "an HTML page (of a login or an error)"
        case .xml: "an XML text (of an error)"
        case .shardIndex: "the JSON index of a sharded file"
        case .json: "a JSON text"
        }
    }

    /// Whether another file or folder comes out of it.
    package var isPacked: Bool { remedy == "unpack it" }

    /// What to do where any file of another format was wanted; nil where that depends on what was wanted.
    package var remedy: String? {
        switch self {
        case .gzip, .bzip2, .xz, .zstandard, .compress, .zip, .sevenZip, .tar: "unpack it"
        case .lfsPointer: "fetch the file with git lfs pull"
        case .annexPointer: "fetch the file with git annex get"
        case .html, .xml: "download the file itself, logged in where that is needed"
        default: nil
        }
    }
}
