import Compute
import Models

extension ModelEntry {
    static let onePatch = ModelEntry("one-patch", "a linear map of one patch, scaled", OnePatch(), side: 8, classes: 2)
}

/// The embedding of one patch, features scaled by learned factors, a linear head. Factors and the head's bias start at
/// 0, so the first loss is that of a guess.
struct OnePatch: Architecture {
    var patch = 4
    var width = 8

    func check(inputShape: [Int]) throws(UnsuitableImage) {
        guard inputShape[1] % patch == 0, inputShape[2] % patch == 0 else {
            throw UnsuitableImage("height and width must be multiples of its patch, \(patch)")
        }
    }

    func graph(inputShape: [Int], classes: Int, options: ModelOptions) -> Graph {
        let graph = Graph(inputShape: inputShape)
        let tokens = graph.tokenEmbedding(graph.inputValue, patch: patch, width: width)
        let scaled = graph.layerScale(tokens, "scale", start: 0)
        // Token 0 is the class token, which sees no pixel here.
        let features = graph.selectToken(scaled, "first patch", index: 1)
        graph.setLogits(graph.linear(features, "head", outputs: classes, bias: .constant(0)))
        return graph
    }
}
