import Compute
import Models
import TensorFiles

/// The model of the catalog whose tensors a file holds, recognized by their names and shapes.
struct ModelRecognition {
    let model: String
    /// Channels, height, width; the sides are known of vision transformers only, and the model's published ones
    /// elsewhere.
    let inputShape: [Int]
    let classCount: Int
    let hasKnownSides: Bool

    /// Nil where no model's tensors are all there, in their shapes, and no others.
    init?(_ file: SafeTensorsFile) {
        for entry in modelCatalog.entries {
            guard let (shape, classes, hasKnownSides) = Self.guess(entry, file),
                let graph = try? entry.graph(inputShape: shape, classes: classes)
            else { continue }
            let layouts = [graph.parameterLayout, graph.statisticsLayout].flatMap(\.entries)
            let matching = TensorMatching(
                file.unwrapped(for: Set(layouts.map(\.name))), against: layouts.map { ($0.name, $0.shape) })
            guard matching.isExact else { continue }
            (model, inputShape, classCount) = (entry.name, shape, classes)
            self.hasKnownSides = hasKnownSides
            return
        }
        return nil
    }

    /// What the first and the last layer's tensors say about images and classes, if they are this model's.
    private static func guess(
        _ entry: ModelEntry, _ file: SafeTensorsFile
    ) -> (shape: [Int], classes: Int, hasKnownSides: Bool)? {
        let file = file.unwrapped(for: ["conv1.weight", "cls_token"])
        var shape = entry.defaultInputShape
        guard let classes = (file["fc.bias"] ?? file["head.bias"])?.shape.first, (1...100_000).contains(classes),
            let first = (file["conv1.weight"] ?? file["patch_embed.proj.weight"])?.shape, first.count == 4,
            (1...64).contains(first[1])
        else { return nil }
        shape[0] = first[1]
        guard let tokens = file["pos_embed"]?.shape.dropFirst().first else { return (shape, classes, false) }
        let rows = Int(Double(max(tokens - 1, 0)).squareRoot().rounded())
        guard (1...256).contains(rows), rows * rows == tokens - 1, (1...256).contains(first[2]) else { return nil }
        (shape[1], shape[2]) = (rows * first[2], rows * first[2])
        return (shape, classes, true)
    }

    /// What to do with a file of weights that does not fit, as the end of an error's line.
    ///
    /// - Parameters:
    ///   - model: the model that was to take them, as `graph`.
    static func remedy(
        _ file: SafeTensorsFile, _ matching: TensorMatching, model: String, _ graph: Graph, _ head: HeadSource
    ) -> String {
        if !matching.unread.isEmpty { return "save the weights as F32" }
        if let match = ModelRecognition(file) {
            func sizes(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: " x ") }
            func channels(_ shape: [Int]) -> String { "\(shape[0]) channel\(shape[0] == 1 ? "" : "s")" }
            if match.model != model {
                return
                    "the tensors are those of \(match.model) for \(match.classCount) classes: use --model "
                    + "\(match.model)"
            }
            if match.hasKnownSides && match.inputShape != graph.inputShape || match.inputShape[0] != graph.inputShape[0]
            {
                let (published, given) =
                    match.hasKnownSides
                    ? (sizes(match.inputShape), sizes(graph.inputShape))
                    : (
                        channels(match.inputShape), "\(channels(graph.inputShape)) (\(sizes(graph.inputShape)))"
                    )
                return
                    "the weights are for images of \(published), the data set's have \(given): choose a data set of "
                    + "such images, "
                    + "or weights for these"
            }
            return
                "the weights' head is for \(match.classCount) classes, the data set has \(graph.classCount): "
                + (head.canBeReset ? "add --reset-head to begin with a new one, or choose" : "choose") + " a data set "
                + "of \(match.classCount) classes, or weights for \(graph.classCount)"
        }
        if !matching.misshapen.isEmpty && matching.misshapen.allSatisfy(\.isTransposed) {
            return "they are transposed: bring them into PyTorch's order, [outputs, inputs, height, width]"
        }
        if matching.missing.isEmpty && matching.misshapen.isEmpty { return "save the model's own tensors only" }
        if matching.extra.isEmpty && matching.misshapen.isEmpty {
            return "save all of the model's tensors, its head too"
        }
        if matching.extra.isEmpty && matching.missing.isEmpty {
            return "they are of another form of the model: use weights of \(model) as 'crsam-dist models' describes it"
        }
        return "use weights of \(model) under torchvision's or timm's names, or name their model with --model"
    }
}
