import Catalogs
import Vectors

/// Random changes to a training image, drawn anew each epoch.
package protocol Transform: Sendable {
    /// Writes an image as a network sees it, C x H x W floats.
    ///
    /// Called from a loader's thread, once a sample; allocates nothing.
    /// - Parameters:
    ///   - image: C x H x W pixels.
    ///   - levels: C x 256, the float for each pixel value of a channel.
    ///   - stream: of this sample in this epoch; the only source of what is random.
    ///   - workspace: the thread's, for what needs memory of its own.
    func write(
        _ image: UnsafeBufferPointer<UInt8>, _ shape: ImageShape, levels: UnsafeBufferPointer<Float>,
        stream: inout RandomStream, into target: UnsafeMutablePointer<Float>, using workspace: ImageWorkspace)
}

/// A row of the catalog of transforms.
package struct TransformEntry: CatalogEntry {
    package let name: String
    package let summary: String
    /// As suits a data set of images of one shape in memory.
    package let make: @Sendable (DatasetEntry) -> any Transform
    /// For images of any size that are decoded when they are needed; nil where there is none.
    package let decoded: (@Sendable (ImageGeometry) -> [any PixelTransform])?
    /// Of either, after normalization.
    package let planes: [any PlaneTransform]

    package init(
        _ name: String, _ summary: String, decoded: (@Sendable (ImageGeometry) -> [any PixelTransform])? = nil,
        planes: [any PlaneTransform] = [],
        make: @escaping @Sendable (DatasetEntry) -> any Transform
    ) {
        self.name = name
        self.summary = summary
        self.decoded = decoded
        self.planes = planes
        self.make = make
    }

    package func augmentation(of dataset: DatasetEntry, _ geometry: ImageGeometry) -> Augmentation {
        Augmentation(name, transform: make(dataset), decoded: decoded?(geometry), planes: planes)
    }
}

extension TransformEntry: Equatable {
    package static func == (a: Self, b: Self) -> Bool { a.name == b.name }

    package static let none = TransformEntry(
        "none", "images as they are", decoded: { [$0.evaluation] }, make: { _ in CropAndFlip.none })
    package static let basic = TransformEntry(
        "basic", "random crop and horizontal flip, as suits the data set", decoded: basicSteps,
        make: { $0.basicAugmentation })
    package static let inception = TransformEntry(
        "inception", "the crop of the SAM papers and big_vision, and horizontal flip; of images in files",
        decoded: { [InceptionCrop(side: $0.side), HorizontalFlip()] },
        make: { $0.basicAugmentation })

    static let basicSteps: @Sendable (ImageGeometry) -> [any PixelTransform] = {
        [RandomResizedCrop(side: $0.side, filter: $0.filter), HorizontalFlip()]
    }
}

/// The transforms that `--augment` can name.
package let transformCatalog = Catalog<TransformEntry>(
    "augmentation",
    [
        .none, .basic, .inception, .autoAugment, .officialAutoAugment, .cutout, .randAugment, .randAugmentTimm,
        .randAugmentBigVision, .trivialAugment, .threeAugment,
    ])
