import Vectors

/// A data set as a network sees it: augmented, then normalized to (x/255 − mean)/std.
///
/// A sample's random choices are keyed by (seed, epoch, number): the same on every rank and after a restart.
package struct AugmentedImages: SampleSource {
    package let dataset: ImageDataset
    private let transform: any Transform
    private let planes: [any PlaneTransform]
    private let seed: UInt64
    /// C x 256: the float for each pixel value.
    private let levels: [Float]

    /// - Parameter planes: of the normalized images, after `transform`.
    package init(
        _ dataset: ImageDataset, transform: any Transform = CropAndFlip.none, planes: [any PlaneTransform] = [],
        seed: UInt64 = 0
    ) {
        self.dataset = dataset
        self.transform = transform
        self.planes = planes
        self.seed = seed
        levels = dataset.normalization.levels
    }

    package var count: Int { dataset.count }
    package var shape: ImageShape { dataset.shape }
    package func label(of sample: Int) -> Int32 { dataset.labels[sample] }

    package func write(
        _ number: Int, epoch: Int, into target: UnsafeMutablePointer<Float>, using workspace: SampleWorkspace
    ) {
        precondition(number >= 0, "sample \(number)")
        let sample = number % count
        var stream = RandomStream(seed: seed, purpose: .augmentation, epoch: epoch, index: number)
        dataset.pixels.withUnsafeBufferPointer { pixels in
            levels.withUnsafeBufferPointer { levels in
                let image = UnsafeBufferPointer(rebasing: pixels[sample * shape.count..<(sample + 1) * shape.count])
                transform.write(
                    image, shape, levels: levels, stream: &stream, into: target, using: workspace.images)
            }
        }
        for step in planes { step.apply(target, shape, stream: &stream) }
    }
}
