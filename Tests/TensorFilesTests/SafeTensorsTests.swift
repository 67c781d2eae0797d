import Files
import TensorFiles
import TestSupport
import Testing
import Vectors

/// The bytes of a file with this header and so many bytes of values.
private func image(_ header: String, values: Int, claimedHeader: UInt64? = nil) -> [UInt8] {
    let length = claimedHeader ?? UInt64(header.utf8.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + header.utf8
        + [UInt8](repeating: 1, count: values)
}

private func tensor(_ name: String, _ shape: String, _ begin: String, _ end: String, dtype: String = "F32") -> String {
    "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":[\(shape)],\"data_offsets\":[\(begin),\(end)]}"
}

private func sample() -> [NamedTensor] {
    [
        NamedTensor("conv.weight", shape: [2, 3], .float32(FlatVector([1, 2, 3, 4, 5, .pi]))),
        NamedTensor("steps", shape: [], .int64([-9_000_000_000])),
        NamedTensor("näme \"quoted\"\n", shape: [2], .float64([0.1, -.infinity])),
        NamedTensor("none", shape: [0, 4], .float32(FlatVector(count: 0))),
        NamedTensor("labels", shape: [3], .int32([-1, 0, 7])),
        NamedTensor("bytes", shape: [3, 1], .uint8([0, 128, 255])),
    ]
}

private func matching(_ file: SafeTensorsFile, _ layout: TensorLayout, others: Set<String> = []) -> TensorMatching {
    TensorMatching(file, against: layout.entries.map { ($0.name, $0.shape) }, others: others)
}

private func write(_ tensors: [NamedTensor], to path: String) throws {
    let file = try OutputFile(path)
    try SafeTensors.write(tensors, metadata: [.init("format", "pt"), .init("model", "resnet8")], to: file)
    try file.synchronize()
}

@Suite struct SafeTensorsTests {
    @Test func `what was written is read back, every element type`() throws {
        let folder = try TemporaryFolder()
        try write(sample(), to: folder.file("a.safetensors"))
        let file = try SafeTensorsFile(folder.file("a.safetensors"))
        #expect(file.metadata == [.init("format", "pt"), .init("model", "resnet8")])
        // The empty tensor shares its place with another: the order among those two is free.
        #expect(Set(file.entries.map(\.name)) == Set(sample().map(\.name)))
        let tensors = try file.readAll()
        for expected in sample() {
            let result = try #require(tensors[expected.name])
            #expect(result.shape == expected.shape)
            switch (result.values, expected.values) {
            case (.float32(let a), .float32(let b)): #expect(a.array == b.array)
            case (.float64(let a), .float64(let b)): #expect(a == b)
            case (.int64(let a), .int64(let b)): #expect(a == b)
            case (.int32(let a), .int32(let b)): #expect(a == b)
            case (.uint8(let a), .uint8(let b)): #expect(a == b)
            default: Issue.record("\(expected.name) changed its type")
            }
        }
    }

    @Test func `a layout is written without its padding and read back into its places`() throws {
        let folder = try TemporaryFolder()
        var layout = TensorLayout()
        layout.append("a", shape: [3])
        layout.append("b.weight", shape: [2, 2])
        let vector = FlatVector(count: layout.vectorCount)
        for entry in layout.entries { for i in entry.range { vector[i] = Float(i) + 0.5 } }
        try write(NamedTensor.tensors(of: vector, layout, prefix: "momentum."), to: folder.file("a.safetensors"))
        let file = try SafeTensorsFile(folder.file("a.safetensors"))
        #expect(file.entries.map(\.name) == ["momentum.a", "momentum.b.weight"])
        let loaded = FlatVector(count: layout.vectorCount)
        try file.read(layout, into: loaded, prefix: "momentum.")
        #expect(loaded.array == vector.array)
    }

    @Test func `files hold tensors row-major whatever their order in the vector`() throws {
        let folder = try TemporaryFolder()
        var layout = TensorLayout()
        let entry = layout.append("conv.weight", shape: [16, 32, 3, 3], order: .blockedChannels)
        let vector = FlatVector(count: layout.vectorCount)
        entry.setValues(in: vector) { for index in 0..<$0.count { $0[index] = Float(index) } }
        try write(NamedTensor.tensors(of: vector, layout), to: folder.file("a.safetensors"))
        let file = try SafeTensorsFile(folder.file("a.safetensors"))
        guard case .float32(let written) = try file.readAll()["conv.weight"]?.values else {
            Issue.record("conv.weight is missing")
            return
        }
        #expect(written.array == (0..<entry.count).map(Float.init))
        let loaded = FlatVector(count: layout.vectorCount)
        try file.read(layout, into: loaded)
        #expect(loaded.array == vector.array)
    }

    @Test func `the bytes are those of the published format, and the same every time`() throws {
        let folder = try TemporaryFolder()
        let tensors = [NamedTensor("w", shape: [2], .float32(FlatVector([1, -2])))]
        let path = folder.file("a.safetensors")
        try SafeTensors.write(tensors, to: OutputFile(path))
        let header = #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"# + "  "
        let expected = image(header, values: 0) + [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]
        #expect(try folder.bytes("a.safetensors") == expected)
        #expect(header.utf8.count % 8 == 0)
        try SafeTensors.write(tensors, to: OutputFile(path))
        #expect(try folder.bytes("a.safetensors") == expected)
    }

    @Test func `a file of the Python package is read`() throws {
        let folder = try TemporaryFolder()
        // safetensors 0.8.0: numpy.save({"b": arange(3, dtype="float32"), "a": array([[7], [8]])}, {"k": "v"})
        let header =
            #"{"__metadata__":{"k":"v"},"a":{"dtype":"I64","shape":[2,1],"data_offsets":[0,16]},"#
            + #""b":{"dtype":"F32","shape":[3],"data_offsets":[16,28]}}"# + "       "
        let values: [UInt8] =
            [7, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]
        let file = try SafeTensorsFile(folder.write(image(header, values: 0) + values, to: "a.safetensors"))
        guard case .int64(let a) = try file.readAll()["a"]?.values,
            case .float32(let b) = try file.readAll()["b"]?.values
        else { return #expect(Bool(false)) }
        #expect(a == [7, 8])
        #expect(b.array == [0, 1, 2])
    }

    static let unsound: [(problem: String, bytes: [UInt8])] = [
        ("begins with the bytes 01 02 03, not a safetensors file", [1, 2, 3]),
        ("is empty, not a safetensors file", []),
        ("cut short: it has 10 bytes, and 999 in its header alone", image("{}", values: 0, claimedHeader: 999)),
        ("begins with the bytes ff ff ff ff ff ff ff ff, not", image("{}", values: 0, claimedHeader: .max)),
        ("begins with the bytes 02 00", image("[]", values: 0)),
        ("begins with the bytes 03 00", image(" {}", values: 0)),
        ("is a text that begins 'Entry not found'", Array("Entry not found\n".utf8)),
        ("expected a string", image("{1:2}", values: 0)),
        ("something follows", image("{} {}", values: 0)),
        ("tensor b overlaps", image("{\(tensor("a", "2", "0", "8")),\(tensor("b", "2", "4", "12"))}", values: 12)),
        ("tensor a ends at byte 16 of 8", image("{\(tensor("a", "4", "0", "16"))}", values: 8)),
        ("tensor a ends before it begins", image("{\(tensor("a", "0", "8", "0"))}", values: 8)),
        (
            "a hole of unused bytes before tensor b",
            image(
                "{\(tensor("a", "1", "0", "4")),\(tensor("b", "1", "8", "12"))}", values: 12)
        ),
        ("4 bytes after the last tensor", image("{\(tensor("a", "1", "0", "4"))}", values: 8)),
        (
            "the shape of tensor a overflows",
            image(
                "{\(tensor("a", "4294967296,4294967296,1", "0", "4"))}", values: 4)
        ),
        ("the shape of tensor a overflows", image("{\(tensor("a", "9223372036854775807", "0", "4"))}", values: 4)),
        ("number too large", image("{\(tensor("a", "99999999999999999999", "0", "4"))}", values: 4)),
        ("number too large", image("{\(tensor("a", "1", "0", "18446744073709551615"))}", values: 4)),
        ("has 4 bytes", image("{\(tensor("a", "2", "0", "4"))}", values: 4)),
        ("not negative", image("{\(tensor("a", "-1", "0", "4"))}", values: 4)),
        ("not negative", image("{\(tensor("a", "1.0", "0", "4"))}", values: 4)),
        (
            "over 64 numbers",
            image(
                "{\(tensor("a", Array(repeating: "1", count: 65).joined(separator: ","), "0", "4"))}", values: 4)
        ),
        ("lacks dtype", image("{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", values: 4)),
        ("two data_offsets", image("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4]}}", values: 4)),
        ("unknown key \"x\"", image("{\"a\":{\"x\":1}}", values: 0)),
        (
            "key \"a\" occurs twice",
            image(
                "{\(tensor("a", "1", "0", "4")),\(tensor("a", "1", "4", "8"))}", values: 8)
        ),
        ("key \"k\" occurs twice", image("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", values: 0)),
        ("expected a string", image("{\"__metadata__\":{\"k\":1}}", values: 0)),
        ("and dtype F8_E4M3 has 2 bytes", image("{\(tensor("a", "1", "0", "2", dtype: "F8_E4M3"))}", values: 2)),
        ("not UTF-8", image("{\"\u{1}\":0}", values: 0).map { $0 == 1 ? 0xFF : $0 }),
        ("control character", image("{\"\n\":0}", values: 0)),
        ("wrong escape", image(#"{"\ud800x":0}"#, values: 0)),
    ]

    @Test(arguments: unsound.indices) func `a file that is not sound is refused with its reason`(index: Int) throws {
        let (problem, bytes) = Self.unsound[index]
        let folder = try TemporaryFolder()
        let path = try folder.write(bytes, to: "bad.safetensors")
        let text = message { _ = try SafeTensorsFile(path) }
        #expect(text.contains(problem))
        #expect(text.hasPrefix(path) && !text.contains("\n"))
    }

    @Test func `a missing file and a folder are named`() throws {
        let folder = try TemporaryFolder()
        #expect(message { _ = try SafeTensorsFile(folder.file("none")) }.hasSuffix("none: No such file or directory"))
        #expect(message { _ = try SafeTensorsFile("/dev/null") }.hasSuffix("a device, not a regular file"))
        #expect(
            message { _ = try SafeTensorsFile(folder.path) }.hasSuffix(
                "a folder, not a regular file; name a file in it"))
    }

    @Test(arguments: [
        (
            FileFormat.pytorchZip,
            Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 0, count: 22) + [16, 0, 0, 0]
                + Array("archive/data.pkl".utf8), "torch.load('bad.safetensors'"
        ),
        (.pytorchPickle, [0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20], "safetensors.torch.save_file"),
        (.lfsPointer, Array("version https://git-lfs.github.com/spec/v1\noid".utf8), "git lfs pull"),
        (.html, Array("<html><body>Sign in".utf8), "download the file itself"),
        (.shardIndex, Array("{\"weight_map\":{\"a\":\"model-00001-of-00002.safetensors\"}}".utf8), "as one file"),
        (.gzip, [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2], "unpack it"),
        (.xz, [0xFD] + Array("7zXZ\0".utf8), "unpack it"),
        (
            .numpyArchive,
            Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 0, count: 22) + [5, 0, 0, 0] + Array("a.npy".utf8),
            "safetensors.numpy"
        ),
        (.hdf5, [0x89] + Array("HDF\r\n\u{1A}\n".utf8), "under torchvision's"),
        (.tensorflow, [1, 2, 3, 4, 0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB], "under torchvision's"),
    ])
    func `a file of another format is named, with what to do`(format: FileFormat, bytes: [UInt8], remedy: String) throws
    {
        let folder = try TemporaryFolder()
        let path = try folder.write(bytes, to: "bad.safetensors")
        let text = message { _ = try SafeTensorsFile(path) }
        #expect(text.hasPrefix("\(path) is \(format.text), not a safetensors file: "))
        #expect(text.contains(remedy) && !text.contains("claims") && !text.contains("\n"))
    }

    @Test func `floats of 16 and 64 bits are read as Float32`() throws {
        let folder = try TemporaryFolder()
        let header = "{\(tensor("h", "3", "0", "6", dtype: "F16")),\(tensor("b", "2", "6", "10", dtype: "BF16"))}"
        // Half: 1, -2, the largest, 65504. bfloat16: 1.5, -0.0078125.
        let values: [UInt8] = [0, 0x3C, 0, 0xC0, 0xFF, 0x7B, 0xC0, 0x3F, 0, 0xBC]
        let file = try SafeTensorsFile(folder.write(image(header, values: 0) + values, to: "a.safetensors"))
        var layout = TensorLayout()
        layout.append("h", shape: [3])
        layout.append("b", shape: [2])
        let vector = FlatVector(count: layout.vectorCount)
        #expect(matching(file, layout).isExact)
        try file.read(layout, into: vector)
        #expect(layout.entries.map { vector.slice($0.range).array } == [[1, -2, 65504], [1.5, -0.0078125]])

        try write([NamedTensor("d", shape: [2], .float64([0.1, -1e-50]))], to: folder.file("d.safetensors"))
        let double = try SafeTensorsFile(folder.file("d.safetensors"))
        let rounded = FlatVector(count: 2)
        try double.read(try #require(double["d"]), into: rounded)
        #expect(rounded.array == [0.1, 0])
    }

    @Test func `a tensor of another type is refused when it is needed, not before`() throws {
        let folder = try TemporaryFolder()
        let header =
            "{\(tensor("a", "2", "0", "2", dtype: "F8_E5M2")),\(tensor("b", "1", "2", "6")),"
            + "\(tensor("c", "4", "6", "8", dtype: "F4")),\(tensor("d", "9", "8", "9", dtype: "Q1"))}"
        let file = try SafeTensorsFile(folder.write(image(header, values: 9), to: "a.safetensors"))
        #expect(file["a"]?.dtype == "F8_E5M2" && file["a"]?.element == nil)
        var layout = TensorLayout()
        layout.append("b", shape: [1])
        #expect(matching(file, layout, others: ["a", "c", "d"]).isExact)
        layout.append("a", shape: [2])
        #expect(
            matching(file, layout, others: ["c", "d"]).summary.hasSuffix("of a type that is not read: a F8_E5M2"))
        #expect(message { _ = try file.readAll() }.contains("is of dtype"))
    }

    @Test(arguments: 0..<8) func `no damaged file crashes the reader, and none that is cut is accepted`(seed: Int)
        throws
    {
        let folder = try TemporaryFolder()
        try write(sample(), to: folder.file("a.safetensors"))
        let sound = try folder.bytes("a.safetensors")
        var random = RandomStream(seed: UInt64(seed), purpose: .test)
        for _ in 0..<200 {
            var bytes = sound
            for _ in 0...random.integer(below: 3) {
                bytes[random.integer(below: bytes.count)] = UInt8(random.integer(below: 256))
            }
            let path = try folder.write(bytes, to: "b.safetensors")
            _ = try? SafeTensorsFile(path).readAll()
            let cut = try folder.write(Array(sound.prefix(random.integer(below: sound.count))), to: "c.safetensors")
            #expect(throws: SafeTensorsError.self) { try SafeTensorsFile(cut) }
        }
    }
}

@Suite struct TensorMatchingTests {
    private func file(_ tensors: [NamedTensor], _ folder: TemporaryFolder) throws -> SafeTensorsFile {
        try write(tensors, to: folder.file("a.safetensors"))
        return try SafeTensorsFile(folder.file("a.safetensors"))
    }

    private var layout: TensorLayout {
        var layout = TensorLayout()
        layout.append("conv1.weight", shape: [2, 3])
        layout.append("fc.bias", shape: [4])
        return layout
    }

    @Test func `missing, extra and misshapen tensors are all named in one line`() throws {
        let folder = try TemporaryFolder()
        let stored = try file(
            [
                NamedTensor("conv1.weight", shape: [3, 2], .float32(FlatVector(count: 6))),
                NamedTensor("head.bias", shape: [4], .float32(FlatVector(count: 4))),
                NamedTensor("bn1.num_batches_tracked", shape: [], .int64([3])),
            ], folder)
        let matching = TensorMatching(stored, against: layout)
        #expect(
            matching.summary
                == "missing fc.bias (is it head.bias?); extra head.bias; misshapen conv1.weight [3, 2] instead of "
                + "[2, 3]"
        )
        #expect(!matching.isExact)
        #expect(TensorMatching(stored, against: layout, others: ["head.bias"]).extra.isEmpty)
    }

    @Test func `tensors that fit are exact, in any order and without BatchNorm's counters`() throws {
        let folder = try TemporaryFolder()
        let stored = try file(NamedTensor.tensors(of: FlatVector(count: 32), layout).reversed(), folder)
        #expect(TensorMatching(stored, against: layout).isExact)
        let expected = layout.entries.map { ($0.name, $0.shape) } + [("bn1.num_batches_tracked", [])]
        #expect(TensorMatching(stored, against: expected).isExact)
    }

    @Test func `integers in a needed tensor's place are not read; floats of any width are`() throws {
        let folder = try TemporaryFolder()
        let conv = NamedTensor("conv1.weight", shape: [2, 3], .float64([1, 2, 3, 4, 5, 6]))
        let integers = try file([conv, NamedTensor("fc.bias", shape: [4], .int32([1, 2, 3, 4]))], folder)
        #expect(TensorMatching(integers, against: layout).summary == "of a type that is not read: fc.bias I32")
        let floats = try file([conv, NamedTensor("fc.bias", shape: [4], .float64([1, 2, 3, 4]))], folder)
        #expect(TensorMatching(floats, against: layout).isExact)
    }

    @Test func `a renamed tensor's likely name is asked for`() throws {
        let folder = try TemporaryFolder()
        let stored = try file(
            [
                NamedTensor("conv_1.weight", shape: [2, 3], .float32(FlatVector(count: 6))),
                NamedTensor("classifier.bias", shape: [4], .float32(FlatVector(count: 4))),
                NamedTensor("other.bias", shape: [5], .float32(FlatVector(count: 5))),
            ], folder)
        #expect(
            TensorMatching(stored, against: layout).summary.hasPrefix(
                "missing conv1.weight (is it conv_1.weight?), fc.bias (is it classifier.bias?); extra "))
    }

    @Test func `a long list is cut short with its count`() throws {
        let folder = try TemporaryFolder()
        var large = TensorLayout()
        for index in 0..<20 { large.append("layer\(index)", shape: [1]) }
        let summary = TensorMatching(try file([], folder), against: large).summary
        #expect(summary.hasSuffix("layer7 and 12 more"))
    }
}
