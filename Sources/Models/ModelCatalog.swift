import Catalogs
import Compute

/// A row of the catalog of models.
package struct ModelEntry: CatalogEntry {
    package let name: String
    package let aliases: [String]
    package let summary: String
    /// The published image: channels, height, width.
    package let defaultInputShape: [Int]
    /// The published number of classes.
    package let defaultClassCount: Int
    private let architecture: any Architecture

    /// - Parameters:
    ///   - aliases: names that other programs have for it.
    ///   - side: of the published image.
    package init(
        _ name: String, _ summary: String, _ architecture: any Architecture, side: Int = 32, classes: Int = 10,
        aliases: [String] = []
    ) {
        self.name = name
        self.aliases = aliases
        self.summary = summary
        self.architecture = architecture
        defaultInputShape = [3, side, side]
        defaultClassCount = classes
    }

    /// The model for images of this shape and so many classes.
    package func graph(inputShape: [Int], classes: Int) throws(ModelError) -> Graph {
        do throws(UnsuitableImage) {
            guard inputShape.count == 3, inputShape.allSatisfy({ $0 > 0 }) else {
                throw UnsuitableImage("an image has channels, height and width")
            }
            try architecture.check(inputShape: inputShape)
        } catch {
            throw ModelError(model: name, shape: inputShape, reason: error.reason)
        }
        return architecture.graph(inputShape: inputShape, classes: classes)
    }
}

/// A model that was asked for images which it cannot read.
package struct ModelError: Error, Equatable, CustomStringConvertible {
    package let model: String
    package let shape: [Int]
    package let reason: String

    package var description: String {
        "model \(model) cannot read images of \(shape.map(String.init).joined(separator: " x ")): \(reason)"
    }
}

/// The models that `--model` can name.
package let modelCatalog = Catalog<ModelEntry>(
    "model",
    [8, 20, 32, 56].map { depth in
        ModelEntry(
            "resnet\(depth)", "He et al.'s CIFAR ResNet-\(depth): 16-32-64 channels, zero-padded shortcuts",
            ResNet.cifar(depth: depth))
    } + [
        ModelEntry("resnet18", "ResNet-18 in its CIFAR form: 3x3 stem, projection shortcuts", ResNet.resnet18),
        ModelEntry(
            "resnet50", "torchvision's ResNet-50: 7x7 stem, bottleneck blocks", ResNet.resnet50, side: 224,
            classes: 1000),
        ModelEntry(
            "wrn28-10", "Zagoruyko and Komodakis' wide ResNet: 28 layers, 160-320-640 channels",
            WideResNet(depth: 28, widening: 10), aliases: ["wide_resnet28_10"]),
        ModelEntry(
            "vit", "vision transformer for small images: patch 4, 192 wide, 12 deep, 3 heads",
            VisionTransformer.smallImage),
        ModelEntry(
            "vit-s16", "timm's vit_small_patch16_224: 384 wide, 12 deep, 6 heads",
            VisionTransformer.small(patch: 16), side: 224, classes: 1000, aliases: ["vit_small_patch16_224"]),
        ModelEntry(
            "vit-s32", "timm's vit_small_patch32_224: the same with patch 32",
            VisionTransformer.small(patch: 32), side: 224, classes: 1000, aliases: ["vit_small_patch32_224"]),
    ])
