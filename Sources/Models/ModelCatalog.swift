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

    package func reads(_ option: ModelOption) -> Bool { architecture.options.contains(option) }

    /// Which layer a parameter belongs to; nil where the layers have no order.
    package var layerOrder: LayerOrder? { architecture.layerOrder }

    /// The model for images of this shape and so many classes.
    package func graph(
        inputShape: [Int], classes: Int, options: ModelOptions = ModelOptions()
    ) throws(ModelError) -> Graph {
        do throws(UnsuitableImage) {
            guard inputShape.count == 3, inputShape.allSatisfy({ $0 > 0 }) else {
                throw UnsuitableImage("an image has channels, height and width")
            }
            try architecture.check(inputShape: inputShape)
        } catch {
            throw ModelError(model: name, shape: inputShape, reason: error.reason)
        }
        return architecture.graph(inputShape: inputShape, classes: classes, options: options)
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
    ModelEntry.smallResNets + ModelEntry.resNets + ModelEntry.wideResNets + ModelEntry.pyramidNets
        + ModelEntry.visionTransformers)

extension ModelEntry {
    fileprivate static let smallResNets = [8, 20, 32, 56].map { depth in
        ModelEntry(
            "resnet\(depth)", "He et al.'s CIFAR ResNet-\(depth): 16-32-64 channels, zero-padded shortcuts",
            ResNet.cifar(depth: depth))
    }

    fileprivate static let resNets =
        [
            ModelEntry(
                "resnet18", "ResNet-18 in its CIFAR form: 3x3 stem, projection shortcuts",
                ResNet.imageNet(depth: 18, stem: .small), aliases: ["resnet18-cifar"]),
            ModelEntry(
                "resnet101-cifar", "ResNet-101 in its CIFAR form: 3x3 stem, bottleneck blocks",
                ResNet.imageNet(depth: 101, stem: .small)),
        ]
        + [("resnet18-imagenet", 18), ("resnet34", 34), ("resnet50", 50), ("resnet101", 101), ("resnet152", 152)].map {
            name, depth in
            ModelEntry(
                name, "torchvision's resnet\(depth): 7x7 stem, \(depth < 50 ? "basic" : "bottleneck") blocks",
                ResNet.imageNet(depth: depth), side: 224, classes: 1000)
        }

    fileprivate static let wideResNets = [
        ModelEntry(
            "wrn16-4", "Zagoruyko and Komodakis' wide ResNet: 16 layers, 64-128-256 channels",
            WideResNet(depth: 16, widening: 4), aliases: ["wide_resnet16_4"]),
        ModelEntry(
            "wrn28-10", "Zagoruyko and Komodakis' wide ResNet: 28 layers, 160-320-640 channels",
            WideResNet(depth: 28, widening: 10), aliases: ["wide_resnet28_10"]),
    ]

    fileprivate static let pyramidNets =
        [48, 84, 270].map { widening in
            ModelEntry(
                "pyramidnet110-\(widening)",
                "Han et al.'s PyramidNet-110: 16 to \(16 + widening) channels, basic blocks",
                PyramidNet(depth: 110, widening: widening))
        } + [
            ModelEntry(
                "pyramidnet272-200", "Han et al.'s PyramidNet-272: 16 to 216 channels, bottleneck blocks",
                PyramidNet(depth: 272, widening: 200, block: .bottleneck))
        ]

    fileprivate static let visionTransformers =
        [
            ModelEntry(
                "vit", "vision transformer for small images: patch 4, 192 wide, 12 deep, 3 heads",
                VisionTransformer.smallImage)
        ]
        + [16, 32].flatMap { patch in
            [
                timm("vit-ti\(patch)", "vit_tiny_patch\(patch)_224", .tiny(patch: patch)),
                timm("vit-s\(patch)", "vit_small_patch\(patch)_224", .small(patch: patch)),
                timm("vit-b\(patch)", "vit_base_patch\(patch)_224", .base(patch: patch)),
            ]
        } + [
            ModelEntry(
                "vit-s16-bigvision", "big_vision's S/16: fixed positions, mean of the tokens, tanh before the head",
                VisionTransformer.bigVisionSmall, side: 224, classes: 1000)
        ]

    private static func timm(_ name: String, _ theirs: String, _ model: VisionTransformer) -> ModelEntry {
        ModelEntry(
            name, "timm's \(theirs): \(model.width) wide, \(model.depth) deep, \(model.heads) heads", model, side: 224,
            classes: 1000, aliases: [theirs])
    }
}
