import Datasets
import Files
import Glibc
import Testing
import Vectors

/// Three classes of two to four images, whose bytes are random: what is in them does not matter to a store.
private func imageFolder(_ folder: TemporaryFolder, _ split: String = "train") throws {
    for (label, name) in ["b", "a", "C"].enumerated() {
        for image in 0...label + 1 {
            try folder.write("\(split)/\(name)/\(name)_\(image).JPEG", randomBytes(700 + 13 * image, index: label))
        }
    }
}

private func stated(_ body: () throws -> Void) throws -> String {
    let error = try datasetError(body)
    return error.description
}

@Suite struct SampleStoreTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func index(_ split: DatasetSplit = .train) throws -> SampleIndex {
        try DatasetEntry.imageFolder.makeIndex(split, in: folder.path)
    }

    @Test func `folders become classes in order of bytes, hidden names are passed over`() throws {
        try imageFolder(folder)
        try folder.write("train/.DS_Store", [1])
        try folder.write("train/.ipynb_checkpoints/x.jpg", [1])
        try folder.write("train/a/._a_0.JPEG", [1])
        try folder.write("train/a/notes.txt", [1])
        let index = try index()
        #expect(index.classes == ["C", "a", "b"])
        #expect(index.count == 9 && index.classCounts == [4, 3, 2])
        #expect((0..<9).map(index.label(of:)) == [0, 0, 0, 0, 1, 1, 1, 2, 2])
        #expect(index.path(of: 4) == "train/a/a_0.JPEG" && index.byteCount(of: 5) == 713)
        let store = try SampleStore(index, in: folder.path)
        let buffer = ByteBuffer()
        try store.read(4, into: buffer)
        #expect(Array(buffer.bytes) == randomBytes(700, index: 1))
    }

    @Test func `what would shift labels or fail later is refused at once`() throws {
        #expect(try stated { _ = try index() }.contains("lacks train/"))
        try imageFolder(folder)
        try folder.write("train/empty/notes.txt", [1])
        #expect(try stated { _ = try index() }.contains("train/empty holds no images"))
        try folder.write("train/empty/x.png", [])
        #expect(try stated { _ = try index() }.contains("train/empty/x.png is empty"))
        try imageFolder(folder, "val")
        try folder.write("train/empty/x.png", [1])
        let differing = try stated { _ = try index(.test) }
        #expect(differing.contains("different classes") && differing.contains("empty in the second alone"))
    }

    @Test func `samples that would have one key in a shard are named before anything is written`() throws {
        try imageFolder(folder)
        try folder.write("train/a/a.1.jpg", randomBytes(50))
        try folder.write("train/a/a_1.png", randomBytes(50))
        let target = try TemporaryFolder()
        let store = try SampleStore(index(), in: folder.path)
        let text = try stated { _ = try ShardWriter(store, to: target.path, split: "train").run() }
        #expect(text.contains("would both be a/a_1"))
        #expect(try Folder.names(in: target.path) == [])
    }

    @Test func `a shard that became shorter is named at the start`() throws {
        try imageFolder(folder)
        let target = try TemporaryFolder()
        let packed = try ShardWriter(SampleStore(index(), in: folder.path), to: target.path, split: "train").run()
        try FileSystem.truncate("\(target.path)/\(packed.places[0])", to: 3000)
        #expect(try stated { _ = try SampleStore(packed, in: target.path) }.contains("fewer than when it was indexed"))
    }

    @Test func `a folder's name that is not UTF-8 is refused`() throws {
        try imageFolder(folder)
        let bytes = Array("\(folder.path)/train/caf".utf8).map { CChar(bitPattern: $0) } + [CChar(bitPattern: 0xE9), 0]
        try #require(mkdir(bytes, 0o755) == 0)
        #expect(try stated { _ = try index() }.contains("is not UTF-8"))
    }

    @Test func `a folder's name on two lines is refused`() throws {
        try imageFolder(folder)
        try folder.write("train/d\ne/x.png", [1])
        #expect(try stated { _ = try index() }.contains("has a control character in its name"))
    }

    @Test func `a flat folder needs labels, and takes those of Kaggle, of a list, of numbers`() throws {
        try imageFolder(folder)
        for image in 1...3 { try folder.write("val/ILSVRC2012_val_0000000\(image).JPEG", randomBytes(90)) }
        #expect(try stated { _ = try index(.test) }.contains("no file says their labels"))
        try folder.write(
            "LOC_val_solution.csv",
            Array(
                """
                ImageId,PredictionString
                ILSVRC2012_val_00000002,a 85 1 499 272 a 1 2 3 4
                ILSVRC2012_val_00000001,b 1 2 3 4
                ILSVRC2012_val_00000003,C 1 2 3 4
                """.utf8))
        #expect(try (0..<3).map(index(.test).label(of:)) == [2, 1, 0])
        try folder.write("val/val.txt", Array("ILSVRC2012_val_00000001.JPEG 1\nILSVRC2012_val_00000002.JPEG 0\n".utf8))
        #expect(try stated { _ = try index(.test) }.contains("has no label for ILSVRC2012_val_00000003.JPEG"))
        try folder.write("val/val.txt", Array("ILSVRC2012_val_00000001.JPEG 7\n".utf8))
        #expect(try stated { _ = try index(.test) }.contains("val.txt:1"))
    }

    @Test func `an index is read as it was written, and no cut or damage of it is accepted`() throws {
        try imageFolder(folder)
        let index = try index().withChecksums(in: folder.path)
        let bytes = IndexFile.bytes(of: index)
        #expect(try IndexFile.index(bytes, from: "x") == index)
        for count in 0..<bytes.count { _ = try stated { _ = try IndexFile.index(Array(bytes[..<count]), from: "x") } }
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 0x10
            _ = try stated { _ = try IndexFile.index(damaged, from: "x") }
        }
    }

    @Test func `a file that was replaced since it was indexed is named`() throws {
        try imageFolder(folder)
        let store = try SampleStore(index(), in: folder.path)
        try folder.write("train/a/a_1.JPEG", randomBytes(20))
        #expect(try stated { try store.read(5, into: ByteBuffer()) }.contains("train/a/a_1.JPEG: it has 20 bytes"))
        try FileSystem.remove("\(folder.path)/train/a/a_1.JPEG")
        #expect(try stated { try store.read(5, into: ByteBuffer()) }.contains("No such file"))
    }

    @Test func `an error of a file server that passes is tried again, and one that stays is named`() throws {
        try imageFolder(folder)
        let index = try index()
        for failures in [1, 3, 4] {
            let left = Failures(failures)
            let store = try SampleStore(index, in: folder.path) { path throws(FileError) in
                if left.takeOne() { throw FileError("read", path, code: EIO) }
                return try InputFile(path)
            }
            if failures < 4 {
                try store.read(0, into: ByteBuffer())
            } else {
                #expect(try stated { try store.read(0, into: ByteBuffer()) }.contains("C_0.JPEG: Input/output error"))
            }
        }
    }

    @Test func `packed shards hold the same samples, the same bytes each time, and are kept`() throws {
        try imageFolder(folder)
        try folder.write("train/a/\(String(repeating: "long", count: 30)).jpg", randomBytes(50))
        let index = try index().withChecksums(in: folder.path)
        let store = try SampleStore(index, in: folder.path)
        let target = try TemporaryFolder()
        func content(_ shard: String) throws -> [UInt8] {
            let file = try InputFile("\(target.path)/\(shard)")
            return try file.bytes(at: 0, count: file.byteCount)
        }
        let packed = try ShardWriter(store, to: target.path, split: "train", byteCount: 6000).run()
        #expect(packed.classes == index.classes && packed.places.count > 1 && packed.isSharded)
        let shards = try SampleStore(packed, in: target.path)
        let (one, other) = (ByteBuffer(), ByteBuffer())
        for sample in 0..<index.count {
            try store.read(sample, into: one)
            try shards.read(sample, into: other)
            #expect(Array(one.bytes) == Array(other.bytes) && index.label(of: sample) == packed.label(of: sample))
        }
        let before = try packed.places.map(content)
        try FileSystem.remove("\(target.path)/\(packed.places[1])")
        #expect(try ShardWriter(store, to: target.path, split: "train", byteCount: 6000).run() == packed)
        #expect(try packed.places.map(content) == before)
        // As a foreign shard, without the index beside it.
        try FileSystem.remove("\(target.path)/train.index")
        let foreign = try DatasetEntry.imageFolder.index(.train, in: target.path)
        #expect(
            foreign.count == index.count
                && (0..<index.count).allSatisfy { foreign.label(of: $0) == index.label(of: $0) })
    }
}

private final class Failures: @unchecked Sendable {
    private var left: Int
    init(_ count: Int) { left = count }
    /// Called by one thread.
    func takeOne() -> Bool {
        guard left > 0 else { return false }
        left -= 1
        return true
    }
}

@Suite struct TarShardTests {
    let folder: TemporaryFolder
    private let sound: [UInt8]

    init() throws {
        folder = try TemporaryFolder()
        let source = try TemporaryFolder()
        for image in 0..<3 { try source.write("train/k/x\(image).jpg", randomBytes(600, index: image)) }
        let index = try DatasetEntry.imageFolder.makeIndex(.train, in: source.path)
        let packed = try ShardWriter(SampleStore(index, in: source.path), to: source.path, split: "s").run()
        let file = try InputFile("\(source.path)/\(packed.places[0])")
        sound = try file.bytes(at: 0, count: file.byteCount)
    }

    private func index(_ bytes: [UInt8]) throws -> SampleIndex {
        try folder.write("train-0.tar", bytes)
        return try TarShards.index(["train-0.tar"], in: folder.path, classes: nil)
    }

    /// The header at a place with another field, and the sum that goes with it.
    private func edited(_ place: Int, at field: Int, _ text: String) -> [UInt8] {
        var bytes = sound
        bytes.replaceSubrange(place + field..<place + field + text.utf8.count, with: Array(text.utf8))
        bytes.replaceSubrange(place + 148..<place + 156, with: Array("        ".utf8))
        let sum = String(bytes[place..<place + 512].reduce(0) { $0 + Int($1) }, radix: 8)
        bytes.replaceSubrange(place + 148..<place + 148 + sum.utf8.count, with: Array(sum.utf8))
        return bytes
    }

    @Test func `every cut is an error or a shorter shard, damage of a header an error`() throws {
        #expect(try index(sound).count == 3)
        for count in stride(from: 0, to: sound.count, by: 101) {
            do { #expect(try index(Array(sound[..<count])).count <= 3) } catch is DatasetError {}
        }
        // But for the two bytes that end the sum.
        for place in (0..<512) where place != 154 && place != 155 {
            var damaged = sound
            damaged[place] ^= 0x55
            #expect(throws: DatasetError.self, "byte \(place)") { _ = try index(damaged) }
        }
    }

    @Test func `hostile sizes, links and keys are refused or passed over`() throws {
        for size in ["77777777777", "-0000000001", "99999999999"] {
            #expect(throws: DatasetError.self) { _ = try index(edited(0, at: 124, size)) }
        }
        // Links, sparse files and devices would be samples that vanish.
        for kind in ["1", "2", "3", "S", "Z"] {
            #expect(try stated { _ = try index(edited(0, at: 156, kind)) }.contains("instead of a file"))
        }
        #expect(try index(edited(0, at: 156, "7")).count == 3)
        // x1 comes as x0 again, after x1's label.
        let again = edited(4 * 512 + 512, at: 0, "k/x0.jpg")
        #expect(throws: DatasetError.self) { _ = try index(again) }
        // A name is only a name: nothing is written by it. Its label is that of another key.
        #expect(try stated { _ = try index(edited(0, at: 0, "../../x.jpg")) }.contains("has no .cls beside it"))
    }

    @Test func `a shard that is empty, lacks its end or its neighbour, or repeats another's keys, is refused`() throws {
        let whole = sound
        #expect(try stated { _ = try index([]) }.contains("no content"))
        #expect(try stated { _ = try index([UInt8](repeating: 0, count: 1024)) }.contains("holds no images"))
        #expect(try stated { _ = try index(Array(whole.dropLast(1024))) }.contains("no zeros at the end"))
        func both(_ names: [String]) throws -> SampleIndex {
            for name in names { try folder.write(name, whole) }
            return try TarShards.index(names, in: folder.path, classes: nil)
        }
        #expect(try stated { _ = try both(["train-000000.tar", "train-000002.tar"]) }.contains("nothing between"))
        #expect(try stated { _ = try both(["train-000000.tar", "train-000001.tar"]) }.contains("comes twice"))
    }

    @Test func `labels that begin at 1 are refused where no names are known`() throws {
        var bytes = sound
        for place in bytes.indices where place % 512 == 0 && bytes[place] == UInt8(ascii: "0") && bytes[place + 1] == 0
        {
            bytes[place] = UInt8(ascii: "1")
        }
        #expect(try stated { _ = try index(bytes) }.contains("do not begin at 0"))
    }

    @Test func `random damage gives an index or an error, never a crash`() {
        for round in 0..<1000 {
            var stream = RandomStream(seed: 6, purpose: .test, index: round)
            var damaged = sound
            for _ in 0...stream.integer(below: 6) {
                damaged[stream.integer(below: damaged.count)] = UInt8(truncatingIfNeeded: stream.nextWord())
            }
            do { _ = try index(damaged) } catch { #expect(error is DatasetError) }
        }
    }
}
