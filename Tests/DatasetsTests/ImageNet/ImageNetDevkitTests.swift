import Datasets
import Files
import Testing

@Suite struct ImageNetDevkitTests {
    private let folder: TemporaryFolder
    private let meta: [UInt8]

    init() throws {
        folder = try TemporaryFolder()
        let tests = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        let file = try InputFile((tests + ["Goldens", "meta.mat"]).joined(separator: "/"))
        meta = try file.bytes(at: 0, count: file.byteCount)
        for name in ["n01000000", "n02000000", "n03000000"] { try folder.write("train/\(name)/a.jpg", [1]) }
        for number in 1...4 { try folder.write("val/ILSVRC2012_val_0000000\(number).JPEG", [1, 2]) }
    }

    private func labels(
        truth: String, meta: [UInt8]? = nil, in place: String = "ILSVRC2012_devkit_t12/data"
    ) throws -> [Int32] {
        try folder.write("\(place)/ILSVRC2012_validation_ground_truth.txt", Array(truth.utf8))
        try folder.write("\(place)/meta.mat", meta ?? self.meta)
        let index = try DatasetEntry.imageFolder.makeIndex(.test, in: folder.path)
        return (0..<index.count).map(index.label(of:))
    }

    /// IDs 1, 2 and 3 are the third, the first and the second of the sorted names.
    @Test(arguments: ["ILSVRC2012_devkit_t12/data", "data", "val"])
    func `an ID becomes a name and the name its place among the classes`(place: String) throws {
        #expect(try labels(truth: "1\n2\n3\n1\n", in: place) == [2, 0, 1, 2])
    }

    @Test(arguments: [
        ("1\n2\n3\n", "4 images"), ("1\n2\n3\n4\n", ":4: '4' is no ID"), ("1\n2\n3\nx\n", ":4: 'x' is no ID"),
        ("1\n2\n3\n1\n1\n", "labels 5"),
    ])
    func `a ground truth of other images is refused`(truth: String, part: String) throws {
        let error = try datasetError { _ = try labels(truth: truth) }
        #expect(error.description.contains(part), "\(error)")
    }

    @Test func `fields of all kinds are read`() throws {
        let rows = try #require(try MatFile(meta).structures["synsets"])
        #expect(rows.count == 4 && rows[2]["WNID"] == .text("n02000000") && rows[2]["words"] == .text("sécond"))
        #expect(rows[3]["children"] == .numbers([1, 2, 3]) && rows[0]["children"] == .numbers([]))
        #expect(rows[1]["num_train_images"] == .numbers([1300]) && rows[1]["wordnet_height"] == .numbers([1.5]))
    }

    @Test func `every cut and every changed byte ends with a result or one line`() throws {
        for count in 0..<meta.count {
            #expect(throws: (any Error).self) { _ = try labels(truth: "1\n2\n3\n1\n", meta: Array(meta[..<count])) }
        }
        for place in 124..<meta.count {
            for bit in [0, 4, 7] {
                var bytes = meta
                bytes[place] ^= 1 << bit
                _ = try? MatFile(bytes)
            }
        }
    }

    /// What the compression does not hide: every byte of the inner element set to extremes.
    @Test func `hostile sizes are refused, and nothing traps`() throws {
        let size = meta[132..<136].reversed().reduce(0) { $0 << 8 | Int($1) }
        let inner = try #require(Inflated.bytes(of: meta[136..<136 + size], limit: 1 << 20))
        #expect(Inflated.bytes(of: meta[136..<136 + size], limit: inner.count - 1) == nil)
        #expect(try MatFile(Array(meta[..<128]) + inner).structures["synsets"]?.count == 4)
        for place in inner.indices {
            for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF] {
                var bytes = inner
                bytes[place] = value
                _ = try? MatFile(Array(meta[..<128]) + bytes)
            }
        }
    }
}
