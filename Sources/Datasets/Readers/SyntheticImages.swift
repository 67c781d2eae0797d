import Vectors

/// Random images that can be learned: each class has a coarse pattern of its own, half hidden in noise.
///
/// For benchmarks and trials without files. A pixel is the mean of its class's pattern (a 4 x 4 grid of random levels
/// per channel) and of uniform noise; only integers are used, so the images are the same on every machine. Sample i has
/// label i mod classCount.
package struct SyntheticImages: Sendable, Equatable {
    package var shape: ImageShape
    package var classCount: Int
    package var trainCount: Int
    package var testCount: Int
    package var seed: UInt64

    package init(
        shape: ImageShape = ImageShape(channels: 3, height: 32, width: 32), classCount: Int = 10,
        trainCount: Int = 4096, testCount: Int = 1024, seed: UInt64 = 0
    ) {
        self.shape = shape
        self.classCount = classCount
        self.trainCount = trainCount
        self.testCount = testCount
        self.seed = seed
    }

    static func normalization(channels: Int) -> ChannelNormalization {
        ChannelNormalization(
            mean: Array(repeating: 0.5, count: channels), std: Array(repeating: 0.25, count: channels))
    }

    private static let grid = 4

    /// Cost: one Philox block per 16 pixels.
    package func dataset(
        split: DatasetSplit, _ memory: MemoryShare = MemoryShare()
    ) throws(DatasetError) -> ImageDataset {
        let count = split == .train ? trainCount : testCount
        guard min(shape.channels, shape.height, shape.width, classCount, count) > 0 else {
            throw .impossibleSynthetic(reason: "channels, height, width, classes and samples must be at least 1")
        }
        // Sizes come from flags: their product may overflow, or take more memory than any machine has.
        guard
            [shape.channels, shape.height, shape.width, classCount, count].allSatisfy({ $0 < 1 << 24 }),
            Double(shape.channels) * Double(shape.height) * Double(shape.width) * Double(max(count, classCount))
                < 0x1p36
        else {
            throw .impossibleSynthetic(
                reason: "more than 64 GiB of pixels: lower --batch-size, or take a --model for smaller images")
        }
        try memory.check("synthetic data", (count + min(classCount, count)) * shape.count)
        let patterns = (0..<min(classCount, count)).map(pattern(ofClass:))
        var pixels = [UInt8](repeating: 0, count: count * shape.count)
        for sample in 0..<count {
            // The stream's epoch separates patterns (0), training samples (1) and test samples (2).
            var noise = RandomStream(
                seed: seed, purpose: .syntheticData, epoch: split == .train ? 1 : 2, index: sample)
            let pattern = patterns[sample % classCount]
            let start = sample * shape.count
            var word: UInt32 = 0
            for pixel in 0..<shape.count {
                word = pixel % 4 == 0 ? noise.nextWord() : word >> 8
                pixels[start + pixel] = UInt8((UInt32(pattern[pixel]) + (word & 0xFF)) / 2)
            }
        }
        return ImageDataset(
            name: DatasetEntry.synthetic.name, shape: shape, classCount: classCount, pixels: pixels,
            labels: (0..<count).map { Int32($0 % classCount) },
            normalization: Self.normalization(channels: shape.channels))
    }

    /// C x H x W levels.
    private func pattern(ofClass label: Int) -> [UInt8] {
        var levels = RandomStream(seed: seed, purpose: .syntheticData, epoch: 0, index: label)
        var pattern: [UInt8] = []
        pattern.reserveCapacity(shape.count)
        for _ in 0..<shape.channels {
            let cells = (0..<Self.grid * Self.grid).map { _ in UInt8(truncatingIfNeeded: levels.nextWord()) }
            for y in 0..<shape.height {
                for x in 0..<shape.width {
                    pattern.append(cells[y * Self.grid / shape.height * Self.grid + x * Self.grid / shape.width])
                }
            }
        }
        return pattern
    }
}

extension DatasetEntry {
    package static let synthetic = DatasetEntry(
        "synthetic",
        // About those of what is drawn, for 3 channels.
        normalization: SyntheticImages.normalization(channels: 3), imageShape: nil, classCount: nil,
        basicAugmentation: CropAndFlip(cropPadding: 4, flips: true), remedy: "synthetic data needs no files"
    ) { _, request throws(DatasetError) in try request.synthetic.dataset(split: request.split, request.memory) }
}
