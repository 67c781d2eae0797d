import Files

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

    var fileNames: [String] { trainFiles + testFiles }

    func dataset(name: DatasetName, _ data: DataFolder, split: DatasetSplit) throws(DatasetError) -> ImageDataset {
        let names = split == .train ? trainFiles : testFiles
        let paths = try data.find(names.map { [$0, "\($0).gz"] }, in: [folder, ""])
        var pixels: [UInt8] = []
        var labels: [Int32] = []
        for path in paths { try append(path, pixels: &pixels, labels: &labels) }
        return ImageDataset(
            name: name.rawValue, shape: Self.shape, classCount: classCount, pixels: pixels, labels: labels,
            normalization: name.normalization)
    }

    private func append(_ path: String, pixels: inout [UInt8], labels: inout [Int32]) throws(DatasetError) {
        let file = try InputFile(path: path)
        let bytes = try file.readAll()
        let size = bytes.count
        guard size % recordBytes == 0 else {
            try refuseOtherFormat(bytes, path)
            throw .brokenRecords(path: path, recordBytes: recordBytes, foundBytes: size)
        }
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
