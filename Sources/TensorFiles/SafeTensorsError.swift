import Files

/// Why a file is not a safetensors file that can be used.
package enum SafeTensorsError: Error, Equatable, CustomStringConvertible {
    case file(FileError)
    /// `problem` says what is wrong, and with which tensor.
    case malformed(path: String, problem: String)
    /// Nil for a format that is not known; `head` is how the file begins.
    case otherFormat(path: String, FileFormat?, head: [UInt8])
    case unreadElement(path: String, tensor: String, dtype: String)

    package var description: String {
        switch self {
        case .file(let error): error.description
        case .malformed(let path, let problem):
            "\(path) is not a sound safetensors file: \(problem); write or download it again"
        case .otherFormat(let path, let format, let head):
            "\(path) is \(format?.text ?? Self.text(head)), not a safetensors file: "
                + (format?.remedy ?? format?.conversion(path) ?? "name a .safetensors file, or download it again")
        case .unreadElement(let path, let tensor, let dtype):
            "\(path): tensor \(tensor) is of dtype \(dtype); convert it to F32 first (read are "
                + TensorElement.allCases.map(\.rawValue).joined(separator: ", ") + ")"
        }
    }

    /// What is wrong with the file, without its path and what to do; nil where the file could not be looked into.
    package var damage: String? {
        switch self {
        case .file: nil
        case .malformed(_, let problem): problem
        case .otherFormat(_, let format, let head): "it is \(format?.text ?? Self.text(head)), not a safetensors file"
        case .unreadElement(_, let tensor, let dtype): "tensor \(tensor) is of dtype \(dtype)"
        }
    }

    /// How a file of no known format begins.
    private static func text(_ head: [UInt8]) -> String {
        if head.isEmpty { return "empty" }
        let shown = head.prefix(24)
        let isText = head.prefix(64).allSatisfy { (0x20..<0x7F).contains($0) || [0x09, 0x0A, 0x0D].contains($0) }
        if isText && head.count > 3 {
            let line = String(decoding: shown, as: UTF8.self).split(whereSeparator: \.isNewline).first.map(String.init)
            return "a text that begins '\(line ?? "")'"
        }
        return "a file that begins with the bytes "
            + shown.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    }
}

extension FileFormat {
    /// How weights in this format become a safetensors file; nil where there is no short way.
    fileprivate func conversion(_ path: String) -> String? {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        switch self {
        case .pytorchZip, .pytorchPickle, .pickle:
            return
                "convert it in Python with safetensors.torch.save_file(torch.load('\(name)', "
                + "map_location='cpu')['state_dict'], "
                + "'weights.safetensors'), without ['state_dict'] where the file is one itself"
        case .torchScript:
            return
                "convert it in Python with safetensors.torch.save_file(torch.jit.load('\(name)', "
                + "map_location='cpu').state_dict(), 'weights.safetensors')"
        case .numpyArchive:
            return
                "convert it in Python with safetensors.numpy.save_file(dict(numpy.load('\(name)')), "
                + "'weights.safetensors')"
        case .shardIndex:
            return
                "sharded files cannot be read yet: save all shards' tensors as one file with "
                + "safetensors.torch.save_file"
        case .hdf5, .onnx, .tensorflow, .gguf, .matlab, .numpyArray:
            return "save its tensors under torchvision's or timm's names with safetensors.numpy.save_file"
        default: return nil
        }
    }
}
