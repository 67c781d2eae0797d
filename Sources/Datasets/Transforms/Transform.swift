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
    func write(
        _ image: UnsafeBufferPointer<UInt8>, _ shape: ImageShape, levels: UnsafeBufferPointer<Float>,
        stream: inout RandomStream, into target: UnsafeMutablePointer<Float>)
}

/// A row of the catalog of transforms.
package struct TransformEntry: CatalogEntry {
    package let name: String
    package let summary: String
    /// As suits a data set.
    package let make: @Sendable (DatasetEntry) -> any Transform

    package init(_ name: String, _ summary: String, make: @escaping @Sendable (DatasetEntry) -> any Transform) {
        self.name = name
        self.summary = summary
        self.make = make
    }
}

extension TransformEntry: Equatable {
    package static func == (a: Self, b: Self) -> Bool { a.name == b.name }

    package static let none = TransformEntry("none", "images as they are") { _ in CropAndFlip.none }
    package static let basic = TransformEntry("basic", "random crop and horizontal flip, as suits the data set") {
        $0.basicAugmentation
    }
}

/// The transforms that `--augment` can name.
package let transformCatalog = Catalog<TransformEntry>("augmentation", [.none, .basic])
