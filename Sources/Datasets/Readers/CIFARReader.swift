import Files
import Vectors

/// Reads the binary versions of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): records of label bytes and then 3 x 32 x 32
/// pixels in our own order, channel by channel.
struct CIFARReader: Sendable {
    let folder: String
    let trainFiles: [String]
    let testFiles: [String]
    let classCount: Int
    /// Bytes before the pixels; the last of them is the label that is used.
    let labelBytes: Int

    static let cifar10 = CIFARReader(
        folder: "cifar-10-batches-bin", trainFiles: (1...5).map { "data_batch_\($0).bin" },
        testFiles: ["test_batch.bin"], classCount: 10, labelBytes: 1)

    /// The coarse label (20 superclasses) comes first, then the fine one, of which there are 100.
    static let cifar100 = CIFARReader(
        folder: "cifar-100-binary", trainFiles: ["train.bin"], testFiles: ["test.bin"], classCount: 100, labelBytes: 2)

    static let shape = ImageShape(channels: 3, height: 32, width: 32)
    private var recordBytes: Int { labelBytes + Self.shape.count }

    var fileNames: [String] { trainFiles + testFiles }

    func dataset(
        _ entry: DatasetEntry, _ data: DataFolder, split: DatasetSplit, _ memory: MemoryShare
    ) throws(DatasetError) -> ImageDataset {
        let names = split == .train ? trainFiles : testFiles
        let paths = try data.find(names.map { [$0, "\($0).gz"] }, in: [folder, ""])
        var pixels: [UInt8] = []
        var labels: [Int32] = []
        for path in paths { try append(path, memory, pixels: &pixels, labels: &labels) }
        return ImageDataset(
            name: entry.name, shape: Self.shape, classCount: classCount, pixels: pixels, labels: labels,
            normalization: entry.normalization)
    }

    private func append(
        _ path: String, _ memory: MemoryShare, pixels: inout [UInt8], labels: inout [Int32]
    ) throws(DatasetError) {
        let file = try DatasetFile(path: path, memory)
        let bytes = try file.readAll()
        let size = bytes.count
        guard size % recordBytes == 0 else {
            try refuseOtherFormat(bytes, path)
            throw .brokenRecords(path: path, recordBytes: recordBytes, foundBytes: size)
        }
        // What was read, and then both the old array and the new.
        try memory.check(path, pixels.count + bytes.count)
        pixels.reserveCapacity(pixels.count + size / recordBytes * Self.shape.count)
        for (sample, start) in stride(from: 0, to: size, by: recordBytes).enumerated() {
            let label = bytes[start + labelBytes - 1]
            guard label < classCount else {
                if sample == 0 { try refuseOtherFormat(bytes, path) }
                throw .labelOutOfRange(path: path, sample: sample, label: Int(label), classCount: classCount)
            }
            labels.append(Int32(label))
            pixels.append(contentsOf: bytes[start + labelBytes..<start + recordBytes])
        }
    }

    /// Only for what cannot be records: any bytes can be pixels.
    private func refuseOtherFormat(_ bytes: [UInt8], _ path: String) throws(DatasetError) {
        if let format = FileFormat(head: Array(bytes.prefix(FileFormat.headCount))) {
            throw .otherFormat(path: path, format)
        }
    }
}

extension DatasetEntry {
    package static let cifar10 = cifar(
        "cifar10", CIFARReader.cifar10, archive: "cifar-10-binary.tar.gz",
        // Over all pixels of the 50,000 training images, per channel, as most published CIFAR code has them.
        normalization: ChannelNormalization(mean: [0.4914, 0.4822, 0.4465], std: [0.2470, 0.2435, 0.2616]),
        otherForms: [
            ("the Python version", ["cifar-10-batches-py", "cifar-10-python.tar.gz", "data_batch_1", "test_batch"]),
            ("the Matlab version", ["cifar-10-batches-mat", "cifar-10-matlab.tar.gz", "data_batch_1.mat"]),
            ("CIFAR-100, for --dataset cifar100", ["cifar-100-binary", "train.bin"]),
        ])

    package static let cifar100 = cifar(
        "cifar100", CIFARReader.cifar100, archive: "cifar-100-binary.tar.gz",
        normalization: ChannelNormalization(mean: [0.5071, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2762]),
        otherForms: [
            ("the Python version", ["cifar-100-python", "cifar-100-python.tar.gz", "train", "test"]),
            ("the Matlab version", ["cifar-100-matlab", "cifar-100-matlab.tar.gz", "train.mat"]),
            ("CIFAR-10, for --dataset cifar10", ["cifar-10-batches-bin", "data_batch_1.bin"]),
        ])

    private static func cifar(
        _ name: String, _ reader: CIFARReader, archive: String, normalization: ChannelNormalization,
        otherForms: [(form: String, names: [String])]
    ) -> DatasetEntry {
        DatasetEntry(
            name, normalization: normalization, imageShape: CIFARReader.shape, classCount: reader.classCount,
            basicAugmentation: CropAndFlip(cropPadding: 4, flips: true),
            remedy: "unpack the binary version, \(archive) from https://www.cs.toronto.edu/~kriz/cifar.html, and "
                + "name its folder with --data DIR",
            fileNames: reader.fileNames,
            otherForms: otherForms + [
                ("MNIST's or Fashion-MNIST's files", ["train-images-idx3-ubyte.gz", "train-images-idx3-ubyte"])
            ]
        ) { entry, request throws(DatasetError) in
            try reader.dataset(entry, DataFolder(request.directory, of: entry), split: request.split, request.memory)
        }
    }
}
