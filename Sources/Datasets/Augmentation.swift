import Vectors

/// Random changes to a training image, drawn anew each epoch.
///
/// As torchvision's `RandomCrop(size, padding)` followed by `RandomHorizontalFlip()`.
public struct Augmentation: Sendable, Equatable {
    /// Zero pixels (black, before normalization) added on every side before a window of the image's size is cut out at
    /// random; 0 leaves the image in place.
    public var cropPadding: Int
    /// Mirrors left and right with probability one half.
    public var flips: Bool

    public init(cropPadding: Int, flips: Bool) {
        precondition(cropPadding >= 0, "padding of \(cropPadding)")
        self.cropPadding = cropPadding
        self.flips = flips
    }

    public static let none = Augmentation(cropPadding: 0, flips: false)

    /// The usual light augmentation of each data set: 4-pixel crop and flip for CIFAR and synthetic images; flip alone
    /// for Fashion-MNIST, whose articles are centred; crop alone for MNIST, as a mirrored digit is another sign.
    public static func basic(for dataset: DatasetName) -> Augmentation {
        switch dataset {
        case .cifar10, .cifar100, .synthetic: Augmentation(cropPadding: 4, flips: true)
        case .fashionMNIST: Augmentation(cropPadding: 0, flips: true)
        case .mnist: Augmentation(cropPadding: 4, flips: false)
        }
    }
}

/// Samples that a loader can put into batches, by number.
public protocol SampleSource: Sendable {
    var count: Int { get }
    var shape: ImageShape { get }
    func label(of sample: Int) -> Int32
    /// Writes the sample as C x H x W floats. The result depends on (sample, epoch) alone. Called from a loader's
    /// thread; what it throws comes out of the loader's `next()`.
    func write(_ sample: Int, epoch: Int, into target: UnsafeMutablePointer<Float>) throws
}

/// A data set as a network sees it: augmented, then normalized to (x/255 − mean)/std.
///
/// A sample's random choices are keyed by (seed, epoch, sample): the same on every rank and after a restart.
public struct AugmentedImages: SampleSource {
    public let dataset: ImageDataset
    public let augmentation: Augmentation
    private let seed: UInt64
    /// C x 256: the float for each pixel value.
    private let levels: [Float]

    public init(_ dataset: ImageDataset, augmentation: Augmentation = .none, seed: UInt64 = 0) {
        self.dataset = dataset
        self.augmentation = augmentation
        self.seed = seed
        // In Float and in this order: the bits that torchvision's ToTensor and Normalize give.
        levels = zip(dataset.normalization.mean, dataset.normalization.std).flatMap { mean, std in
            (0..<256).map { (Float($0) / 255 - Float(mean)) / Float(std) }
        }
    }

    public var count: Int { dataset.count }
    public var shape: ImageShape { dataset.shape }
    public func label(of sample: Int) -> Int32 { dataset.labels[sample] }

    public func write(_ sample: Int, epoch: Int, into target: UnsafeMutablePointer<Float>) {
        precondition(sample >= 0 && sample < count, "sample \(sample) of \(count)")
        var stream = RandomStream(seed: seed, purpose: .augmentation, epoch: epoch, index: sample)
        let padding = augmentation.cropPadding
        // Where the window's first row and column lie in the image itself.
        let top = padding == 0 ? 0 : stream.integer(below: 2 * padding + 1) - padding
        let left = padding == 0 ? 0 : stream.integer(below: 2 * padding + 1) - padding
        let mirrored = augmentation.flips && stream.nextWord() >> 31 == 1
        dataset.pixels.withUnsafeBufferPointer { pixels in
            levels.withUnsafeBufferPointer { levels in
                let image = UnsafeBufferPointer(rebasing: pixels[sample * shape.count..<(sample + 1) * shape.count])
                writeWindow(of: image, top: top, left: left, mirrored: mirrored, levels: levels, into: target)
            }
        }
    }

    private func writeWindow(
        of image: UnsafeBufferPointer<UInt8>, top: Int, left: Int, mirrored: Bool, levels: UnsafeBufferPointer<Float>,
        into target: UnsafeMutablePointer<Float>
    ) {
        let (height, width) = (shape.height, shape.width)
        for channel in 0..<shape.channels {
            let base = channel * 256
            for y in 0..<height {
                let row = target + (channel * height + y) * width
                let source = (channel * height + y + top) * width
                let inside = y + top >= 0 && y + top < height
                for x in 0..<width {
                    let column = x + left
                    let value = inside && column >= 0 && column < width ? Int(image[source + column]) : 0
                    row[mirrored ? width - 1 - x : x] = levels[base + value]
                }
            }
        }
    }
}
