/// Reads the IDX files of MNIST and the data sets that share its form (LeCun, Cortes and Burges, "The MNIST database
/// of handwritten digits"): a magic number, one big-endian 32-bit size per dimension, then bytes.
enum IDXReader {
    // Two zero bytes, 0x08 for unsigned bytes, the number of dimensions.
    private static let imagesMagic: UInt32 = 0x0000_0803
    private static let labelsMagic: UInt32 = 0x0000_0801
    private static let classCount = 10

    static func dataset(name: DatasetName, directory: String, split: DatasetSplit) throws(DatasetError) -> ImageDataset
    {
        let prefix = split == .train ? "train" : "t10k"
        let imagesPath = find("\(prefix)-images", "idx3-ubyte", in: directory)
        let labelsPath = find("\(prefix)-labels", "idx1-ubyte", in: directory)
        guard let imagesPath, let labelsPath else {
            let names = [
                imagesPath == nil ? "\(prefix)-images-idx3-ubyte[.gz]" : nil,
                labelsPath == nil ? "\(prefix)-labels-idx1-ubyte[.gz]" : nil,
            ]
            throw .missingFiles(directory: directory, names: names.compactMap(\.self), dataset: name)
        }
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

    /// The published spelling, or the one with a dot that some mirrors and unpackers leave; plain before .gz.
    private static func find(_ stem: String, _ kind: String, in directory: String) -> String? {
        for spelling in ["\(stem)-\(kind)", "\(stem).\(kind)"] {
            for suffix in ["", ".gz"] {
                let path = "\(directory)/\(spelling)\(suffix)"
                if DatasetCatalog.fileExists(path) { return path }
            }
        }
        return nil
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
        guard found == magic else { throw .wrongMagic(path: path, expected: magic, found: found) }
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
