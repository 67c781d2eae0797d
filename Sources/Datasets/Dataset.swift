import Vectors

/// Labelled images that a loader takes by number, wherever they lie.
package protocol Dataset: Sendable {
    var name: String { get }
    /// Of an image as a network sees it.
    var shape: ImageShape { get }
    var classCount: Int { get }
    var count: Int { get }
    var normalization: ChannelNormalization { get set }
    /// Of all that decides what a sample's number stands for. Ranks compare it before a run, and a resumed run with
    /// that of its checkpoint.
    var fingerprint: UInt64 { get }
    /// The classes, as places among the logits, that count in an evaluation; nil for all.
    var scoredClasses: [Int]? { get }
    /// The images as a network sees them, normalized.
    ///
    /// - Parameters:
    ///   - augmentation: drawn anew each epoch; nil for the images as they are evaluated.
    ///   - seed: of what is drawn.
    func samples(_ augmentation: Augmentation?, seed: UInt64) throws(DatasetError) -> any SampleSource
}

extension Dataset {
    package var scoredClasses: [Int]? { nil }
}

/// What `--augment` names, for either kind of image.
package struct Augmentation: Sendable {
    package let name: String
    /// Of images of one shape in memory.
    package let transform: any Transform
    /// Of decoded images of any size; nil where there is none for these.
    package let decoded: [any PixelTransform]?
    /// Of either, after normalization.
    package var planes: [any PlaneTransform]

    package init(
        _ name: String, transform: any Transform, decoded: [any PixelTransform]? = nil,
        planes: [any PlaneTransform] = []
    ) {
        (self.name, self.transform, self.decoded, self.planes) = (name, transform, decoded, planes)
    }
}

/// How images of any size become a network's square ones.
package struct ImageGeometry: Sendable, Equatable {
    package var side: Int
    /// Of the evaluated square's side to the shorter side that an image is resized to before.
    package var cropRatio: Double
    package var filter: ResamplingFilter

    package init(side: Int = 224, cropRatio: Double = 0.875, filter: ResamplingFilter = .bilinear) {
        (self.side, self.cropRatio, self.filter) = (side, cropRatio, filter)
    }

    /// The evaluation's square: resized to ⌊side / cropRatio⌋, and the middle cut out.
    package var evaluation: CenterCrop {
        CenterCrop(side: side, resizedTo: Int(Double(side) / cropRatio), filter: filter)
    }
}
