import Vectors

/// Samples that a loader can put into batches, by number.
package protocol SampleSource: Sendable {
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
package struct AugmentedImages: SampleSource {
    package let dataset: ImageDataset
    private let transform: any Transform
    private let seed: UInt64
    /// C x 256: the float for each pixel value.
    private let levels: [Float]

    package init(_ dataset: ImageDataset, transform: any Transform = CropAndFlip.none, seed: UInt64 = 0) {
        self.dataset = dataset
        self.transform = transform
        self.seed = seed
        // In Float and in this order: the bits that torchvision's ToTensor and Normalize give.
        levels = zip(dataset.normalization.mean, dataset.normalization.std).flatMap { mean, std in
            (0..<256).map { (Float($0) / 255 - Float(mean)) / Float(std) }
        }
    }

    package var count: Int { dataset.count }
    package var shape: ImageShape { dataset.shape }
    package func label(of sample: Int) -> Int32 { dataset.labels[sample] }

    package func write(_ sample: Int, epoch: Int, into target: UnsafeMutablePointer<Float>) {
        precondition(sample >= 0 && sample < count, "sample \(sample) of \(count)")
        var stream = RandomStream(seed: seed, purpose: .augmentation, epoch: epoch, index: sample)
        dataset.pixels.withUnsafeBufferPointer { pixels in
            levels.withUnsafeBufferPointer { levels in
                let image = UnsafeBufferPointer(rebasing: pixels[sample * shape.count..<(sample + 1) * shape.count])
                transform.write(image, shape, levels: levels, stream: &stream, into: target)
            }
        }
    }
}
