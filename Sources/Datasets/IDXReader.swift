/// Reads the IDX files of MNIST and the data sets that share its form (LeCun, Cortes and Burges, "The MNIST database
/// of handwritten digits"): a magic number, one big-endian 32-bit size per dimension, then bytes.
enum IDXReader {
    // Two zero bytes, 0x08 for unsigned bytes, the number of dimensions.
    private static let imagesMagic: UInt32 = 0x0000_0803
    private static let labelsMagic: UInt32 = 0x0000_0801
    private static let classCount = 10

    static func dataset(name: DatasetName, _ folder: DataFolder, split: DatasetSplit) throws(DatasetError)
        -> ImageDataset
    {
        // As published, as torchvision unpacks it below its root or below the data set's folder, as in Zalando's
        // repository.
        let places =
            name == .mnist ? ["", "MNIST/raw", "raw"] : ["", "FashionMNIST/raw", "raw", "data/fashion"]
        let paths = try folder.find(names(split), in: places)
        let (imagesPath, labelsPath) = (paths[0], paths[1])
        // Labels first: a mismatch shows before the large file's memory is taken.
        let labels = try readLabels(labelsPath)
        let (dimensions, pixels) = try read(imagesPath, magic: imagesMagic, dimensionCount: 3)
        guard dimensions[0] == labels.count else {
            throw .countMismatch(
                imagesPath: imagesPath, images: dimensions[0], labelsPath: labelsPath, labels: labels.count)
        }
        return ImageDataset(
            name: name.rawValue, shape: ImageShape(channels: 1, height: dimensions[1], width: dimensions[2]),
            classCount: classCount, pixels: pixels, labels: labels, normalization: name.normalization)
    }

    /// Names of the images' and the labels' file: the published spelling, or the one with a dot that some mirrors and
    /// unpackers leave; plain before .gz.
    static func names(_ split: DatasetSplit) -> [[String]] {
        let prefix = split == .train ? "train" : "t10k"
        return [("images", "idx3-ubyte"), ("labels", "idx1-ubyte")].map { stem, kind in
            ["-", "."].flatMap { mark in ["", ".gz"].map { "\(prefix)-\(stem)\(mark)\(kind)\($0)" } }
        }
    }

    private static func readLabels(_ path: String) throws(DatasetError) -> [Int32] {
        let (_, bytes) = try read(path, magic: labelsMagic, dimensionCount: 1)
        if let sample = bytes.firstIndex(where: { $0 >= classCount }) {
            throw .labelOutOfRange(path: path, sample: sample, label: Int(bytes[sample]), classCount: classCount)
        }
        return bytes.map(Int32.init)
    }

    private static func read(
        _ path: String, magic: UInt32, dimensionCount: Int
    ) throws(DatasetError) -> (dimensions: [Int], bytes: [UInt8]) {
        let file = try InputFile(path: path)
        let found = try readWord(file)
        guard found == magic else {
            // Packed data may hold anything.
            if let format = try file.format(after: (0..<4).map { UInt8(truncatingIfNeeded: found >> (24 - 8 * $0)) }) {
                throw .otherFormat(path: path, format)
            }
            throw .wrongMagic(path: path, expected: magic, found: found)
        }
        var dimensions: [Int] = []
        for _ in 0..<dimensionCount { dimensions.append(Int(try readWord(file))) }
        guard !dimensions.contains(0) else { throw .empty(path: path) }
        let count = try file.expect(headerBytes: 4 * (1 + dimensionCount), dimensions: dimensions)
        let bytes = try file.read(count: count)
        try file.expectEnd()
        return (dimensions, bytes)
    }

    private static func readWord(_ file: InputFile) throws(DatasetError) -> UInt32 {
        try file.read(count: 4).reduce(0) { $0 << 8 | UInt32($1) }
    }
}
