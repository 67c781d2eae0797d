import Vectors

/// Channels, rows and columns of every image of a data set.
package struct ImageShape: Sendable, Hashable, Codable {
    package let channels: Int
    package let height: Int
    package let width: Int

    package init(channels: Int, height: Int, width: Int) {
        self.channels = channels
        self.height = height
        self.width = width
    }

    /// Values in one image.
    package var count: Int { channels * height * width }

    /// For people: `3 x 32 x 32`.
    package var text: String { "\(channels) x \(height) x \(width)" }
}

/// Mean and standard deviation of each channel of pixels scaled to 0...1: a network sees (x/255 − mean)/std.
package struct ChannelNormalization: Sendable, Equatable, Codable {
    package let mean: [Double]
    package let std: [Double]

    package init(mean: [Double], std: [Double]) {
        precondition(mean.count == std.count, "\(mean.count) means, \(std.count) standard deviations")
        self.mean = mean
        self.std = std
    }

    /// C x 256: the float for each pixel value, in Float and in this order the bits that torchvision's ToTensor and
    /// Normalize give.
    package var levels: [Float] {
        zip(mean, std).flatMap { mean, std in (0..<256).map { (Float($0) / 255 - Float(mean)) / Float(std) } }
    }
}

/// Labelled images of one shape, held in memory as they were published.
package struct ImageDataset: Dataset {
    package let name: String
    package let shape: ImageShape
    package let classCount: Int
    /// N x C x H x W, contiguous.
    package let pixels: [UInt8]
    /// N labels in 0 ..< classCount.
    package let labels: [Int32]
    package var normalization: ChannelNormalization

    package var count: Int { labels.count }

    /// Traps on pixels, labels and shape that do not fit together: readers check files before they come here.
    package init(
        name: String, shape: ImageShape, classCount: Int, pixels: [UInt8], labels: [Int32],
        normalization: ChannelNormalization
    ) {
        precondition(pixels.count == labels.count * shape.count, "\(pixels.count) pixels, \(labels.count) of \(shape)")
        precondition(labels.allSatisfy { $0 >= 0 && $0 < classCount }, "a label outside 0..<\(classCount)")
        precondition(normalization.mean.count == shape.channels, "normalization of another channel count")
        self.name = name
        self.shape = shape
        self.classCount = classCount
        self.pixels = pixels
        self.labels = labels
        self.normalization = normalization
    }

    /// Of all pixels and labels.
    package var fingerprint: UInt64 {
        let seed = labels.withUnsafeBytes { Kernels.fingerprint(of: $0) }
        return pixels.withUnsafeBytes { Kernels.fingerprint(of: $0, seed: seed) }
    }

    package func samples(_ augmentation: Augmentation?, seed: UInt64) -> any SampleSource {
        AugmentedImages(
            self, transform: augmentation?.transform ?? CropAndFlip.none, planes: augmentation?.planes ?? [],
            seed: seed)
    }
}
