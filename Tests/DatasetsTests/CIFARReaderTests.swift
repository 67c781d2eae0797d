import Datasets
import Testing
import Vectors

@Suite struct CIFARReaderTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func load(_ name: DatasetEntry, _ split: DatasetSplit) throws -> ImageDataset {
        try name.images(directory: folder.path, split: split)
    }

    @Test(arguments: ["", "cifar-10-batches-bin/"])
    func `CIFAR-10's five files follow one another`(place: String) throws {
        if !place.isEmpty { try folder.makeFolder("cifar-10-batches-bin") }
        var pixels: [UInt8] = []
        for batch in 1...5 {
            let records = cifarRecords([[UInt8(batch)], [UInt8(batch + 4)]], index: 10 * batch)
            pixels += records[1..<3073] + records[3074...]
            try folder.write("\(place)data_batch_\(batch).bin", records)
        }
        let dataset = try load(.cifar10, .train)
        #expect(dataset.labels == [1, 5, 2, 6, 3, 7, 4, 8, 5, 9])
        #expect(dataset.pixels == pixels)
        #expect(dataset.shape == ImageShape(channels: 3, height: 32, width: 32) && dataset.classCount == 10)
        #expect(dataset.normalization.mean == [0.4914, 0.4822, 0.4465])
    }

    @Test(arguments: ["", "cifar-100-binary/"])
    func `CIFAR-100 gives the fine labels`(place: String) throws {
        if !place.isEmpty { try folder.makeFolder("cifar-100-binary") }
        let records = cifarRecords([[19, 99], [3, 0]])
        try folder.write("\(place)test.bin", records)
        let dataset = try load(.cifar100, .test)
        #expect(dataset.labels == [99, 0] && dataset.classCount == 100)
        #expect(dataset.pixels == Array(records[2..<3074] + records[3076...]))
    }

    @Test func `missing training files are all named`() throws {
        for batch in [1, 3, 4] { try folder.write("data_batch_\(batch).bin", cifarRecords([[0]])) }
        let error = try datasetError { _ = try load(.cifar10, .train) }
        #expect(
            error
                == .missingFiles(
                    directory: folder.path, names: ["data_batch_2.bin", "data_batch_5.bin"], dataset: .cifar10))
        #expect(error.description.contains("cifar-10-binary.tar.gz"))
    }

    @Test func `a size that is no multiple of a record is an error`() throws {
        for bytes in [1, 3072, 3074, 6145] {
            let path = try folder.write("test_batch.bin", [UInt8](repeating: 0, count: bytes))
            #expect(
                try datasetError { _ = try load(.cifar10, .test) }
                    == .brokenRecords(path: path, recordBytes: 3073, foundBytes: bytes))
        }
    }

    @Test func `an empty file is an error`() throws {
        let path = try folder.write("test.bin", [])
        #expect(try datasetError { _ = try load(.cifar100, .test) } == .empty(path: path))
    }

    @Test func `a label out of range is reported with its sample`() throws {
        let ten = try folder.write("test_batch.bin", cifarRecords([[9], [10]]))
        #expect(
            try datasetError { _ = try load(.cifar10, .test) }
                == .labelOutOfRange(path: ten, sample: 1, label: 10, classCount: 10))
        let hundred = try folder.write("test.bin", cifarRecords([[0, 100]]))
        #expect(
            try datasetError { _ = try load(.cifar100, .test) }
                == .labelOutOfRange(path: hundred, sample: 0, label: 100, classCount: 100))
    }

    @Test(arguments: ["test_batch.bin", "test_batch.bin.gz"]) func `gzipped files are read, of several members too`(
        name: String
    )
        throws
    {
        let records = cifarRecords([[1], [8], [3]])
        try folder.write(name, try gzipped(Array(records.prefix(4000))) + gzipped(Array(records.dropFirst(4000))))
        #expect(try load(.cifar10, .test).labels == [1, 8, 3])
        let path = try folder.write(name, try gzipped(Array(records.dropLast())))
        #expect(
            try datasetError { _ = try load(.cifar10, .test) }
                == .brokenRecords(path: path, recordBytes: 3073, foundBytes: 9218))
    }

    @Test func `pixels may look like any format`() throws {
        // Label 8, and what ONNX models and JSON texts begin with.
        for head: [UInt8] in [[8, 7, 0x12], [9, 0x7B, 0x22], [8, 0, 0, 0, 0, 0, 0, 0, 0x7B]] {
            try folder.write("test_batch.bin", head + cifarRecords([[1]]).dropFirst(head.count))
            #expect(try load(.cifar10, .test).labels == [Int32(head[0])])
        }
    }

    @Test(arguments: [
        (DatasetEntry.cifar10, "data_batch_1", "the Python version"),
        (.cifar10, "cifar-10-python.tar.gz", "the Python version"),
        (.cifar10, "data_batch_1.mat", "the Matlab version"), (.cifar100, "train", "the Python version"),
        (.cifar10, "train.bin", "CIFAR-100, for --dataset cifar100"), (.cifar100, "data_batch_1.bin", "CIFAR-10, for"),
        (.cifar10, "cifar-10-binary.tar.gz", "not unpacked"), (.cifar100, "archive.zip", "not unpacked"),
    ])
    func `another form of the data is named`(name: DatasetEntry, file: String, found: String) throws {
        try folder.write(file, [1])
        let text = try datasetError { _ = try load(name, .train) }.description
        #expect(text.contains("it holds ") && text.contains(found) && text.contains(file))
        #expect(text.contains("the binary version, cifar-"))
    }

    @Test func `another format under a file's name is named`() throws {
        let pickle = try folder.write("test_batch.bin", [0x80, 2, 0x7D, 0x71])
        #expect(try datasetError { _ = try load(.cifar10, .test) }.description.contains("\(pickle) is a Python pickle"))
        try folder.write("test_batch.bin", [0xFD] + Array("7zXZ\0".utf8))
        #expect(try datasetError { _ = try load(.cifar10, .test) }.description.hasSuffix("is xz data: unpack it"))
    }

    @Test func `random damage gives a data set or an error, never a crash`() throws {
        let sound = cifarRecords([[1, 2], [3, 4]])
        var stream = RandomStream(seed: 6, purpose: .test)
        for _ in 0..<300 {
            var damaged = sound
            // Label bytes are few: aim at them half of the time.
            let at = stream.integer(below: 2) == 0 ? stream.integer(below: 2) : stream.integer(below: sound.count)
            damaged[at] = UInt8(truncatingIfNeeded: stream.nextWord())
            if stream.integer(below: 3) == 0 { damaged.removeLast(stream.integer(below: sound.count)) }
            try folder.write("test.bin", damaged)
            do {
                #expect(try load(.cifar100, .test).labels.allSatisfy { (0..<100).contains($0) })
            } catch is DatasetError {}
        }
    }
}
