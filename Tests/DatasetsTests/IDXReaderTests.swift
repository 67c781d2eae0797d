import Datasets
import Files
import Testing
import Vectors

private let images = "t10k-images-idx3-ubyte"
private let labels = "t10k-labels-idx1-ubyte"

@Suite struct IDXReaderTests {
    let folder: TemporaryFolder
    let pixels = randomBytes(3 * 5 * 4)

    init() throws { folder = try TemporaryFolder() }

    private func load(_ name: DatasetEntry = .mnist) throws -> ImageDataset {
        try name.images(directory: folder.path, split: .test)
    }

    private func writeSound() throws {
        try folder.write(images, idxImages(3, 5, 4, pixels: pixels))
        try folder.write(labels, idxLabels([7, 0, 9]))
    }

    @Test(arguments: ["", ".gz"], ["-idx", ".idx"])
    func `images and labels are read in every published spelling`(suffix: String, infix: String) throws {
        let files = [
            ("t10k-images\(infix)3-ubyte", idxImages(3, 5, 4, pixels: pixels)),
            ("t10k-labels\(infix)1-ubyte", idxLabels([7, 0, 9])),
        ]
        for (name, bytes) in files {
            try folder.write(name + suffix, suffix.isEmpty ? bytes : try gzipped(bytes))
        }
        let dataset = try load(.fashionMNIST)
        #expect(dataset.shape == ImageShape(channels: 1, height: 5, width: 4))
        #expect(dataset.pixels == pixels && dataset.labels == [7, 0, 9])
        #expect(dataset.count == 3 && dataset.classCount == 10 && dataset.name == "fashion-mnist")
        #expect(dataset.normalization == ChannelNormalization(mean: [0.2860], std: [0.3530]))
    }

    @Test func `training and test files are distinguished`() throws {
        try writeSound()
        try folder.write("train-images-idx3-ubyte", idxImages(1, 1, 1, pixels: [200]))
        try folder.write("train-labels-idx1-ubyte", idxLabels([4]))
        #expect(try DatasetEntry.mnist.images(directory: folder.path, split: .train).labels == [4])
        #expect(try load().labels == [7, 0, 9])
    }

    @Test func `a file larger than the reader's chunks comes whole, compressed or not`() throws {
        let large = randomBytes(300 * 28 * 28)
        let numbers = (0..<300).map { UInt8($0 % 10) }
        try folder.write(labels, idxLabels(numbers))
        try folder.write(images, idxImages(300, 28, 28, pixels: large))
        #expect(try load().pixels == large)
        folder.remove(images)
        try folder.write(images + ".gz", try gzipped(idxImages(300, 28, 28, pixels: large)))
        #expect(try load().pixels == large)
    }

    @Test func `missing files are all named, with the remedy`() throws {
        let error = try datasetError { _ = try load(.fashionMNIST) }
        #expect(
            error
                == .missingFiles(
                    directory: folder.path, names: ["\(images)[.gz]", "\(labels)[.gz]"], dataset: .fashionMNIST))
        #expect(error.description.contains("apt-get install dataset-fashion-mnist"))
        #expect(error.description.contains(labels) && error.description.contains("--data DIR"))
    }

    @Test func `another magic number is reported with the one that was due`() throws {
        try writeSound()
        let path = try folder.write(labels, idxImages(3, 5, 4, pixels: pixels))
        let error = try datasetError { _ = try load() }
        #expect(error == .wrongMagic(path: path, expected: 0x801, found: 0x803))
        #expect(error.description.contains("0x00000803") && error.description.contains("0x00000801"))
    }

    @Test func `a label out of range is reported with its sample`() throws {
        try writeSound()
        let path = try folder.write(labels, idxLabels([1, 2, 10]))
        let error = try datasetError { _ = try load() }
        #expect(error == .labelOutOfRange(path: path, sample: 2, label: 10, classCount: 10))
    }

    @Test func `different numbers of images and labels are an error`() throws {
        try writeSound()
        let path = try folder.write(labels, idxLabels([1, 2]))
        let error = try datasetError { _ = try load() }
        #expect(
            error
                == .countMismatch(imagesPath: "\(folder.path)/\(images)", images: 3, labelsPath: path, labels: 2))
    }

    @Test func `files without bytes, samples or pixels are empty`() throws {
        try writeSound()
        for bytes in [[], idxImages(0, 5, 4, pixels: []), idxImages(3, 0, 4, pixels: [])] {
            let path = try folder.write(images, bytes)
            #expect(try datasetError { _ = try load() } == .empty(path: path))
        }
    }

    @Test func `a folder in a file's place is an error`() throws {
        try folder.write(labels, idxLabels([1]))
        try folder.makeFolder(images)
        #expect(
            try datasetError { _ = try load() }
                == .file(.kind(.directory, of: "\(folder.path)/\(images)")))
    }

    @Test func `every truncation of a plain file is an error`() throws {
        try writeSound()
        let whole = idxImages(3, 5, 4, pixels: pixels)
        for length in 1..<whole.count {
            let path = try folder.write(images, Array(whole.prefix(length)))
            guard case .truncated(path, let due, length) = try datasetError({ _ = try load() }) else {
                Issue.record("\(length) bytes gave another error")
                continue
            }
            #expect(length < 16 ? due > length : due == whole.count)
        }
    }

    @Test func `every truncation of a gzip file is an error`() throws {
        try writeSound()
        folder.remove(images)
        let whole = try gzipped(idxImages(3, 5, 4, pixels: pixels))
        // One byte is no gzip magic yet, and no IDX magic either.
        for length in 1..<whole.count {
            let path = try folder.write(images + ".gz", Array(whole.prefix(length)))
            guard case .truncated(path, _, _) = try datasetError({ _ = try load() }) else {
                Issue.record("\(length) bytes gave another error")
                continue
            }
        }
    }

    @Test func `bytes after the content are an error, inside and after a gzip stream`() throws {
        try writeSound()
        let whole = idxImages(3, 5, 4, pixels: pixels)
        for bytes in [whole + [0], try gzipped(whole + [0]), try gzipped(whole) + gzipped([1])] {
            let path = try folder.write(images, bytes)
            #expect(try datasetError { _ = try load() } == .trailingBytes(path: path, expectedBytes: whole.count))
        }
    }

    @Test func `gzip files of several members are read as gunzip does, zeros at their end too`() throws {
        try writeSound()
        folder.remove(images)
        let whole = idxImages(3, 5, 4, pixels: pixels)
        let zeros = [UInt8](repeating: 0, count: 70_000)
        var single: [UInt8] = []
        for byte in whole { single += try gzipped([byte]) }
        for bytes in [
            try gzipped(Array(whole.prefix(30))) + gzipped(Array(whole.dropFirst(30))), single,
            try gzipped(whole) + gzipped([]), try gzipped([]) + gzipped(whole), try gzipped(whole) + [0],
            try gzipped(whole) + zeros, single + zeros,
        ] {
            try folder.write(images + ".gz", bytes)
            #expect(try load().pixels == pixels)
        }
    }

    @Test func `what is no gzip member after one is an error that says so`() throws {
        try writeSound()
        folder.remove(images)
        let whole = try gzipped(idxImages(3, 5, 4, pixels: pixels))
        for rest: [UInt8] in [[1], Array("garbage".utf8), [0x1F, 0, 0, 0], [0, 0, 7], [0] + whole, [0x1F] + whole] {
            let path = try folder.write(images + ".gz", whole + rest)
            let error = try datasetError { _ = try load() }
            #expect(error == .garbageAfterGzip(path: path))
            #expect(error.description.contains("after the end of its gzip data"))
        }
    }

    @Test func `a later member that is cut is cut short`() throws {
        try writeSound()
        folder.remove(images)
        let whole = idxImages(3, 5, 4, pixels: pixels)
        let first = try gzipped(Array(whole.prefix(30)))
        let packed = try first + gzipped(Array(whole.dropFirst(30)))
        for length in first.count + 1..<packed.count {
            let path = try folder.write(images + ".gz", Array(packed.prefix(length)))
            guard case .truncated(path, _, _) = try datasetError({ _ = try load() }) else {
                Issue.record("\(length) bytes gave another error")
                continue
            }
        }
    }

    static let formats: [(FileFormat, [UInt8])] = [
        (.xz, [0xFD] + Array("7zXZ\0".utf8)), (.bzip2, Array("BZh91AY&SY".utf8)), (.compress, [0x1F, 0x9D, 0x90, 0]),
        (.zstandard, [0x28, 0xB5, 0x2F, 0xFD]), (.html, Array("<!doctype html><title>Log in".utf8)),
        (.lfsPointer, Array("version https://git-lfs.github.com/spec/v1\n".utf8)),
    ]

    @Test(arguments: formats.indices, ["", ".gz"])
    func `another format is named, whatever the file's name, packed or not`(index: Int, ending: String) throws {
        let (format, bytes) = Self.formats[index]
        try writeSound()
        folder.remove(images)
        for content in [bytes, try gzipped(bytes)] {
            let path = try folder.write(images + ending, content)
            let error = try datasetError { _ = try load() }
            #expect(error == .otherFormat(path: path, format))
            #expect(error.description.hasPrefix("\(path) is \(format.text): "))
        }
    }

    @Test(arguments: [
        (DatasetEntry.mnist, ["MNIST", "MNIST/raw"]), (.mnist, ["raw"]),
        (.fashionMNIST, ["FashionMNIST", "FashionMNIST/raw"]),
        (.fashionMNIST, ["data", "data/fashion"]),
    ])
    func `torchvision's and Zalando's folders are found`(name: DatasetEntry, places: [String]) throws {
        for place in places { try folder.makeFolder(place) }
        let place = try #require(places.last)
        try folder.write("\(place)/\(images)", idxImages(3, 5, 4, pixels: pixels))
        try folder.write("\(place)/\(labels)", idxLabels([7, 0, 9]))
        #expect(try load(name).pixels == pixels)
        folder.remove("\(place)/\(labels)")
        #expect(
            try datasetError { _ = try load(name) }
                == .missingFiles(directory: "\(folder.path)/\(place)", names: ["\(labels)[.gz]"], dataset: name))
    }

    @Test func `a folder of the file's own name that holds it is looked into`() throws {
        try folder.makeFolder(images)
        try folder.write("\(images)/t10k-images.idx3-ubyte", idxImages(3, 5, 4, pixels: pixels))
        try folder.write(labels, idxLabels([7, 0, 9]))
        #expect(try load().pixels == pixels)
    }

    @Test func `a wrong checksum is an error`() throws {
        try writeSound()
        var packed = try gzipped(idxImages(3, 5, 4, pixels: pixels))
        packed[packed.count - 8] ^= 1
        let path = try folder.write(images, packed)
        guard case .corruptGzip(path, _) = try datasetError({ _ = try load() }) else {
            Issue.record("the checksum was not looked at")
            return
        }
    }

    @Test func `a gzip bomb is refused for what it holds beyond the header`() throws {
        try writeSound()
        let bomb = idxImages(3, 5, 4, pixels: [UInt8](repeating: 0, count: 8_000_000))
        let path = try folder.write(images, try gzipped(bomb))
        #expect(try datasetError { _ = try load() } == .trailingBytes(path: path, expectedBytes: 76))
    }

    @Test(arguments: [[1 << 31, 1 << 31, 1 << 31], [1 << 31, 4096, 4096], [60000, 28, 28]])
    func `an announcement beyond what the file can hold takes no memory`(dimensions: [Int]) throws {
        try writeSound()
        let lie = idxImages(dimensions[0], dimensions[1], dimensions[2], pixels: pixels)
        let path = try folder.write(images, try gzipped(lie))
        #expect(try datasetError { _ = try load() } == .tooLarge(path: path, dimensions: dimensions))
        try folder.write(images, lie)
        _ = try datasetError { _ = try load() }
    }

    @Test(arguments: [false, true]) func `random damage gives a data set or an error, never a crash`(
        compressed: Bool
    ) throws {
        let sound = [idxImages(3, 5, 4, pixels: pixels), idxLabels([7, 0, 9])]
        let files = compressed ? try sound.map(gzipped) : sound
        var stream = RandomStream(seed: 5, purpose: .test, index: compressed ? 1 : 0)
        var errors = 0
        for _ in 0..<1500 {
            var damaged = files
            let which = stream.integer(below: 2)
            for _ in 0...stream.integer(below: 3) {
                damaged[which][stream.integer(below: damaged[which].count)] ^= 1 << UInt8(stream.integer(below: 8))
            }
            if stream.integer(below: 4) == 0 {
                damaged[which].removeLast(stream.integer(below: damaged[which].count))
            }
            try folder.write(images, damaged[0])
            try folder.write(labels, damaged[1])
            do { _ = try load() } catch is DatasetError { errors += 1 }
        }
        #expect(errors > 300, "\(errors) errors with seed 5")
    }
}
