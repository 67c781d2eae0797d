import Datasets

extension DatasetEntry {
    /// Black and grey stripes, level (class 0) or upright (class 1), at a place that differs from sample to sample.
    static let stripes = DatasetEntry(
        "stripes", normalization: ChannelNormalization(mean: [0], std: [1]),
        imageShape: ImageShape(channels: 1, height: 8, width: 8), classCount: 2,
        basicAugmentation: CropAndFlip.none, remedy: "stripes need no files"
    ) { entry, request throws(DatasetError) in
        let count = request.split == .train ? 64 : 16
        try request.memory.check("stripes", count * 64)
        let labels = (0..<count).map { Int32($0 % 2) }
        let pixels = labels.indices.flatMap { sample in
            (0..<64).map { pixel -> UInt8 in
                let line = sample % 2 == 0 ? pixel / 8 : pixel % 8
                return (line + sample / 2) % 4 < 2 ? 0 : 200
            }
        }
        return ImageDataset(
            name: entry.name, shape: ImageShape(channels: 1, height: 8, width: 8), classCount: 2, pixels: pixels,
            labels: labels, normalization: entry.normalization)
    }
}
