import Compute

/// What a request for a model can get wrong.
public enum ModelError: Error, Equatable, CustomStringConvertible {
    case unknown(String)
    case unsuitableImage(model: String, shape: [Int], reason: String)

    public var description: String {
        switch self {
        case .unknown(let name):
            "unknown model '\(name)': the catalog has \(ModelCatalog.entries.map(\.name).joined(separator: ", "))"
        case .unsuitableImage(let model, let shape, let reason):
            "model \(model) cannot read images of \(shape.map(String.init).joined(separator: " x ")): \(reason)"
        }
    }
}

/// The models that the commands know by name.
public enum ModelCatalog {
    public struct Entry: Sendable {
        public let name: String
        public let summary: String
        /// The published image: channels, height, width.
        public let defaultInputShape: [Int]
        /// The published number of classes.
        public let defaultClassCount: Int
        fileprivate let architecture: Architecture

        fileprivate init(
            _ name: String, _ summary: String, _ architecture: Architecture, side: Int = 32, classes: Int = 10
        ) {
            self.name = name
            self.summary = summary
            self.architecture = architecture
            defaultInputShape = [3, side, side]
            defaultClassCount = classes
        }
    }

    fileprivate enum Architecture: Sendable {
        case resnet(ResNet)
        case wideResNet(WideResNet)
        case visionTransformer(VisionTransformer)
    }

    public static let entries: [Entry] =
        [8, 20, 32, 56].map { depth in
            Entry(
                "resnet\(depth)", "He et al.'s CIFAR ResNet-\(depth): 16-32-64 channels, zero-padded shortcuts",
                .resnet(.cifar(depth: depth)))
        } + [
            Entry(
                "resnet18", "ResNet-18 in its CIFAR form: 3x3 stem, projection shortcuts", .resnet(.resnet18)),
            Entry(
                "resnet50", "torchvision's ResNet-50: 7x7 stem, bottleneck blocks", .resnet(.resnet50), side: 224,
                classes: 1000),
            Entry(
                "wrn28-10", "Zagoruyko and Komodakis' wide ResNet: 28 layers, 160-320-640 channels",
                .wideResNet(.init(depth: 28, widening: 10))),
            Entry(
                "vit", "vision transformer for small images: patch 4, 192 wide, 12 deep, 3 heads",
                .visionTransformer(.smallImage)),
            Entry(
                "vit-s16", "timm's vit_small_patch16_224: 384 wide, 12 deep, 6 heads",
                .visionTransformer(.small(patch: 16)), side: 224, classes: 1000),
            Entry(
                "vit-s32", "timm's vit_small_patch32_224: the same with patch 32",
                .visionTransformer(.small(patch: 32)), side: 224, classes: 1000),
        ]

    /// Finds a model by name, ours or timm's; upper case, hyphens, underscores, slashes and spaces do not count.
    public static func entry(_ name: String) throws(ModelError) -> Entry {
        let plain = { (text: String) in text.lowercased().filter { !"-_/. \t".contains($0) } }
        let ours = ["vitsmallpatch16224": "vits16", "vitsmallpatch32224": "vits32", "wideresnet2810": "wrn2810"]
        let sought = ours[plain(name)] ?? plain(name)
        guard let entry = entries.first(where: { plain($0.name) == sought }) else { throw .unknown(name) }
        return entry
    }

    /// Builds a model for images of this shape and so many classes.
    public static func graph(_ name: String, inputShape: [Int], classes: Int) throws(ModelError) -> Graph {
        let entry = try entry(name)
        func refuse(_ reason: String) -> ModelError {
            .unsuitableImage(model: entry.name, shape: inputShape, reason: reason)
        }
        guard inputShape.count == 3, inputShape.allSatisfy({ $0 > 0 }) else {
            throw refuse("an image has channels, height and width")
        }
        /// Square, and as large as so many halvings need.
        func requireSquare(halvings: Int) throws(ModelError) {
            guard inputShape[1] == inputShape[2] else { throw refuse("its last layer averages over a square image") }
            guard inputShape[1] > (1 << halvings) / 2 else {
                throw refuse(
                    "it halves the image \(halvings) times, so the sides must be at least \((1 << halvings) / 2 + 1)")
            }
        }
        switch entry.architecture {
        case .resnet(let network):
            try requireSquare(halvings: network.halvings)
            return network.graph(inputShape: inputShape, classes: classes)
        case .wideResNet(let network):
            try requireSquare(halvings: WideResNet.halvings)
            return network.graph(inputShape: inputShape, classes: classes)
        case .visionTransformer(let network):
            guard inputShape[1] % network.patch == 0, inputShape[2] % network.patch == 0 else {
                throw refuse("height and width must be multiples of its patch, \(network.patch)")
            }
            return network.graph(inputShape: inputShape, classes: classes)
        }
    }
}
