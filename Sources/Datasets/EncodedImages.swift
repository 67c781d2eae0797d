import Vectors

/// Labelled images that are read and decoded each time they are needed.
package struct EncodedImages: Dataset {
    package let name: String
    package let store: SampleStore
    package let geometry: ImageGeometry
    package var normalization: ChannelNormalization
    package let scoredClasses: [Int]?
    fileprivate let bad: BadSamples

    /// - Parameters:
    ///   - scoredClasses: see ``Dataset/scoredClasses``.
    ///   - note: takes a line for people about a sample that was replaced.
    package init(
        _ name: String, _ store: SampleStore, geometry: ImageGeometry, normalization: ChannelNormalization,
        scoredClasses: [Int]? = nil, badSamples: BadSamplePolicy = .error,
        note: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        (self.name, self.store, self.geometry, self.normalization) = (name, store, geometry, normalization)
        self.scoredClasses = scoredClasses
        bad = BadSamples(badSamples, count: store.index.count, note: note)
    }

    package var shape: ImageShape { ImageShape(channels: 3, height: geometry.side, width: geometry.side) }
    package var classCount: Int { store.index.classes.count }
    package var count: Int { store.index.count }
    package var fingerprint: UInt64 { store.index.fingerprint }

    /// The images read and decoded, and nothing written: what the rest is measured against.
    package var decodedOnly: any SampleSource { DecodedSamples(self, [], planes: [], seed: 0, isWritten: false) }

    package func samples(_ augmentation: Augmentation?, seed: UInt64) throws(DatasetError) -> any SampleSource {
        guard let augmentation else {
            return DecodedSamples(self, [geometry.evaluation], planes: [], seed: seed)
        }
        guard let transforms = augmentation.decoded else {
            throw .stated(
                "--augment \(augmentation.name) is for images of one size in memory, which \(name) is not: choose "
                    + "another"
            )
        }
        return DecodedSamples(self, transforms, planes: augmentation.planes, seed: seed)
    }
}

/// Reads, decodes, transforms and normalizes. A sample's random choices are keyed by (seed, epoch, number).
private struct DecodedSamples: SampleSource {
    private let store: SampleStore
    private let transforms: [any PixelTransform]
    private let planes: [any PlaneTransform]
    private let seed: UInt64
    /// C x 256: the float for each pixel value.
    private let levels: [Float]
    private let isWritten: Bool
    private let bad: BadSamples
    let shape: ImageShape

    init(
        _ images: EncodedImages, _ transforms: [any PixelTransform], planes: [any PlaneTransform], seed: UInt64,
        isWritten: Bool = true
    ) {
        self.isWritten = isWritten
        bad = images.bad
        self.planes = planes
        (store, shape, self.transforms, self.seed) = (images.store, images.shape, transforms, seed)
        levels = images.normalization.levels
    }

    var count: Int { store.index.count }
    func label(of sample: Int) -> Int32 { store.index.label(of: sample) }
    func willNeed(_ samples: Range<Int>) { store.willNeed(samples) }

    func write(
        _ number: Int, epoch: Int, into target: UnsafeMutablePointer<Float>, using workspace: SampleWorkspace
    ) throws {
        let first = number % count
        var sample = first
        while true {
            do throws(DatasetError) {
                try decode(sample, using: workspace)
                break
            } catch {
                sample = try bad.replacement(of: sample, in: store.index, error)
                // All of its class are bad.
                if sample == first { throw error }
            }
        }
        let images = workspace.images
        guard isWritten else { return }
        var stream = RandomStream(seed: seed, purpose: .augmentation, epoch: epoch, index: number)
        for transform in transforms { transform.apply(images, stream: &stream) }
        images.writePlanes(levels, into: target)
        for step in planes { step.apply(target, shape, stream: &stream) }
    }

    private func decode(_ sample: Int, using workspace: SampleWorkspace) throws(DatasetError) {
        try store.read(sample, into: workspace.bytes)
        do throws(DecodingError) {
            try workspace.decoder().decode(workspace.bytes.bytes, into: workspace.images.image)
        } catch {
            throw .stated(
                "\(store.path(of: sample)) cannot be decoded (\(error.reason)): copy it again, or find all bad files "
                    + "with crsam-dist data check")
        }
    }
}
