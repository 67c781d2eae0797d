import Vectors

/// Reads the IDX files of MNIST and the data sets that share its form (LeCun, Cortes and Burges, "The MNIST database
/// of handwritten digits"): a magic number, one big-endian 32-bit size per dimension, then bytes.
enum IDXReader {
    // Two zero bytes, 0x08 for unsigned bytes, the number of dimensions.
    private static let imagesMagic: UInt32 = 0x0000_0803
    private static let labelsMagic: UInt32 = 0x0000_0801
    private static let classCount = 10

    /// - Parameter places: folders below the given one where the files may lie, `""` for itself.
    static func dataset(
        _ entry: DatasetEntry, _ folder: DataFolder, in places: [String], split: DatasetSplit, _ memory: MemoryShare
    ) throws(DatasetError) -> ImageDataset {
        let paths = try folder.find(names(split), in: places)
        let (imagesPath, labelsPath) = (paths[0], paths[1])
        // Labels first: a mismatch shows before the large file's memory is taken.
        let labels = try readLabels(labelsPath, memory)
        let (dimensions, pixels) = try read(imagesPath, magic: imagesMagic, dimensionCount: 3, memory)
        guard dimensions[0] == labels.count else {
            throw .countMismatch(
                imagesPath: imagesPath, images: dimensions[0], labelsPath: labelsPath, labels: labels.count)
        }
        return ImageDataset(
            name: entry.name, shape: ImageShape(channels: 1, height: dimensions[1], width: dimensions[2]),
            classCount: classCount, pixels: pixels, labels: labels, normalization: entry.normalization)
    }

    /// Names of the images' and the labels' file: the published spelling, or the one with a dot that some mirrors and
    /// unpackers leave; plain before .gz.
    static func names(_ split: DatasetSplit) -> [[String]] {
        let prefix = split == .train ? "train" : "t10k"
        return [("images", "idx3-ubyte"), ("labels", "idx1-ubyte")].map { stem, kind in
            ["-", "."].flatMap { mark in ["", ".gz"].map { "\(prefix)-\(stem)\(mark)\(kind)\($0)" } }
        }
    }

    private static func readLabels(_ path: String, _ memory: MemoryShare) throws(DatasetError) -> [Int32] {
        let (_, bytes) = try read(path, magic: labelsMagic, dimensionCount: 1, memory)
        if let sample = bytes.firstIndex(where: { $0 >= classCount }) {
            throw .labelOutOfRange(path: path, sample: sample, label: Int(bytes[sample]), classCount: classCount)
        }
        return bytes.map(Int32.init)
    }

    private static func read(
        _ path: String, magic: UInt32, dimensionCount: Int, _ memory: MemoryShare
    ) throws(DatasetError) -> (dimensions: [Int], bytes: [UInt8]) {
        let file = try DatasetFile(path: path, memory)
        let word = try readWord(file)
        guard word == magic else {
            // Packed data may hold anything.
            if let format = try file.format(after: (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) }) {
                throw .otherFormat(path: path, format)
            }
            throw .wrongMagic(path: path, expected: magic, found: word)
        }
        var dimensions: [Int] = []
        for _ in 0..<dimensionCount { dimensions.append(Int(try readWord(file))) }
        guard !dimensions.contains(0) else { throw .empty(path: path) }
        let count = try file.expect(headerBytes: 4 * (1 + dimensionCount), dimensions: dimensions)
        let bytes = try file.read(count: count)
        try file.expectEnd()
        return (dimensions, bytes)
    }

    private static func readWord(_ file: DatasetFile) throws(DatasetError) -> UInt32 {
        try file.read(count: 4).reduce(0) { $0 << 8 | UInt32($1) }
    }
}

extension DatasetEntry {
    package static let mnist = idx(
        "mnist",
        // As in PyTorch's MNIST example (pytorch/examples, mnist/main.py).
        normalization: ChannelNormalization(mean: [0.1307], std: [0.3081]),
        // No flip: a mirrored digit is another sign.
        basicAugmentation: CropAndFlip(cropPadding: 4, flips: false),
        remedy: "name the folder that holds MNIST's four IDX files (plain or .gz) with --data DIR",
        sibling: ("Fashion-MNIST, for --dataset fashion-mnist", ["FashionMNIST", "fashion"]),
        // As published, as torchvision unpacks it below its root or below the data set's folder.
        places: ["", "MNIST/raw", "raw"])

    package static let fashionMNIST = idx(
        "fashion-mnist", aliases: ["fmnist"],
        // Where the Debian package dataset-fashion-mnist puts them.
        defaultDirectory: "/usr/share/datasets/fashion-mnist",
        // Over all pixels of the 60,000 training images; a test computes them anew where Debian's files are installed.
        normalization: ChannelNormalization(mean: [0.2860], std: [0.3530]),
        // No crop: the articles are centred.
        basicAugmentation: CropAndFlip(cropPadding: 0, flips: true),
        remedy: "run apt-get install dataset-fashion-mnist, or name the folder that holds the four IDX files with "
            + "--data DIR",
        sibling: ("MNIST, for --dataset mnist", ["MNIST"]),
        // The last as in Zalando's repository.
        places: ["", "FashionMNIST/raw", "raw", "data/fashion"])

    private static func idx(
        _ name: String, aliases: [String] = [], defaultDirectory: String? = nil, normalization: ChannelNormalization,
        basicAugmentation: CropAndFlip, remedy: String, sibling: (form: String, names: [String]), places: [String]
    ) -> DatasetEntry {
        DatasetEntry(
            name, aliases: aliases, defaultDirectory: defaultDirectory, normalization: normalization,
            imageShape: ImageShape(channels: 1, height: 28, width: 28), classCount: 10,
            basicAugmentation: basicAugmentation, remedy: remedy,
            fileNames: DatasetSplit.allCases.flatMap(IDXReader.names).flatMap(\.self),
            otherForms: [
                sibling,
                ("CIFAR-10, for --dataset cifar10", ["cifar-10-batches-bin", "data_batch_1.bin"]),
                ("CIFAR-100, for --dataset cifar100", ["cifar-100-binary", "train.bin"]),
            ],
            isPublishedPacked: true
        ) { entry, request throws(DatasetError) in
            try IDXReader.dataset(
                entry, DataFolder(request.directory, of: entry), in: places, split: request.split, request.memory)
        }
    }
}
