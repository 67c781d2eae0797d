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
        fileprivate let architecture: Architecture
    }

    fileprivate enum Architecture: Sendable {
        case resnet(ResNet)
        case visionTransformer(VisionTransformer)
    }

    public static let entries: [Entry] =
        [8, 20, 32, 56].map { depth in
            Entry(
                name: "resnet\(depth)",
                summary: "He et al.'s CIFAR ResNet-\(depth): 16-32-64 channels, zero-padded shortcuts",
                defaultInputShape: [3, 32, 32], architecture: .resnet(.cifar(depth: depth)))
        } + [
            Entry(
                name: "resnet18", summary: "ResNet-18 in its CIFAR form: 3x3 stem, projection shortcuts",
                defaultInputShape: [3, 32, 32], architecture: .resnet(.resnet18)),
            Entry(
                name: "vit", summary: "vision transformer for small images: patch 4, 192 wide, 12 deep, 3 heads",
                defaultInputShape: [3, 32, 32], architecture: .visionTransformer(.smallImage)),
        ]

    /// Finds a model by name; upper case, hyphens and underscores do not count.
    public static func entry(_ name: String) throws(ModelError) -> Entry {
        let plain = { (text: String) in text.lowercased().filter { $0 != "-" && $0 != "_" } }
        guard let entry = entries.first(where: { plain($0.name) == plain(name) }) else { throw .unknown(name) }
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
        switch entry.architecture {
        case .resnet(let network):
            let halvings = network.blocks.count - 1
            guard inputShape[1] == inputShape[2] else { throw refuse("its last layer averages over a square image") }
            guard inputShape[1] > 1 << (halvings - 1) else {
                throw refuse(
                    "it halves the image \(halvings) times, so the sides must be at least \((1 << halvings) / 2 + 1)")
            }
            return network.graph(inputShape: inputShape, classes: classes)
        case .visionTransformer(let network):
            guard inputShape[1] % network.patch == 0, inputShape[2] % network.patch == 0 else {
                throw refuse("height and width must be multiples of its patch, \(network.patch)")
            }
            return network.graph(inputShape: inputShape, classes: classes)
        }
    }
}
