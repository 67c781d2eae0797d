/// Reads the binary versions of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): records of label bytes and then 3 x 32 x 32
/// pixels in our own order, channel by channel.
struct CIFARReader {
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

    private static let shape = ImageShape(channels: 3, height: 32, width: 32)
    private var recordBytes: Int { labelBytes + Self.shape.count }

    func dataset(name: DatasetName, directory: String, split: DatasetSplit) throws(DatasetError) -> ImageDataset {
        let unpacked = "\(directory)/\(folder)"
        let source = DatasetCatalog.isDirectory(unpacked) ? unpacked : directory
        let names = split == .train ? trainFiles : testFiles
        let missing = names.filter { !DatasetCatalog.fileExists("\(source)/\($0)") }
        guard missing.isEmpty else { throw .missingFiles(directory: source, names: missing, dataset: name) }
        var pixels: [UInt8] = []
        var labels: [Int32] = []
        for file in names { try append("\(source)/\(file)", pixels: &pixels, labels: &labels) }
        return ImageDataset(
            name: name.rawValue, shape: Self.shape, classCount: classCount, pixels: pixels, labels: labels,
            normalization: name.normalization)
    }

    private func append(_ path: String, pixels: inout [UInt8], labels: inout [Int32]) throws(DatasetError) {
        let file = try InputFile(path: path)
        guard let size = file.plainSize else {
            throw .unreadable(path: path, reason: "it is compressed; unpack it")
        }
        guard size % recordBytes == 0 else {
            throw .brokenRecords(path: path, recordBytes: recordBytes, foundBytes: size)
        }
        let bytes = try file.read(
            count: try file.expect(headerBytes: 0, dimensions: [size / recordBytes, recordBytes]))
        try file.expectEnd()
        pixels.reserveCapacity(pixels.count + size / recordBytes * Self.shape.count)
        for (sample, start) in stride(from: 0, to: size, by: recordBytes).enumerated() {
            let label = bytes[start + labelBytes - 1]
            guard label < classCount else {
                throw .labelOutOfRange(path: path, sample: sample, label: Int(label), classCount: classCount)
            }
            labels.append(Int32(label))
            pixels.append(contentsOf: bytes[start + labelBytes..<start + recordBytes])
        }
    }
}
