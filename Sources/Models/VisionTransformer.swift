import Compute

/// The vision transformer (Dosovitskiy et al. 2021) as timm's `VisionTransformer` computes it, with its parameter
/// names: patches, a class token, learned positions, pre-norm blocks, LayerNorm, a linear `head` on the class token.
package struct VisionTransformer: Architecture {
    /// Side of a square patch, in pixels.
    package var patch: Int
    package var width: Int
    package var depth: Int
    package var heads: Int
    /// Width of a block's hidden layer over `width`.
    package var hiddenRatio: Int
    /// Of the hidden layers' and the attention's results.
    package var dropoutRate: Float
    /// Of the last block's branches; the first block's is 0 and those between grow linearly.
    package var stochasticDepthRate: Float

    package init(
        patch: Int, width: Int, depth: Int, heads: Int, hiddenRatio: Int = 4, dropoutRate: Float = 0,
        stochasticDepthRate: Float = 0
    ) {
        precondition(depth > 0, "a vision transformer has a block")
        self.patch = patch
        self.width = width
        self.depth = depth
        self.heads = heads
        self.hiddenRatio = hiddenRatio
        self.dropoutRate = dropoutRate
        self.stochasticDepthRate = stochasticDepthRate
    }

    /// Patch 4, 192 wide, 12 deep, 3 heads: the size of ViT-Tiny for images of 28 to 64 pixels.
    package static let smallImage = VisionTransformer(patch: 4, width: 192, depth: 12, heads: 3)

    /// ViT-S: 384 wide, 12 deep, 6 heads; timm's `vit_small_patch16_224` and `vit_small_patch32_224`.
    package static func small(patch: Int) -> VisionTransformer {
        VisionTransformer(patch: patch, width: 384, depth: 12, heads: 6)
    }

    package func check(inputShape: [Int]) throws(UnsuitableImage) {
        guard inputShape[1] % patch == 0, inputShape[2] % patch == 0 else {
            throw UnsuitableImage("height and width must be multiples of its patch, \(patch)")
        }
    }

    /// - Parameter inputShape: channels, height, width; the patch tiles the image.
    package func graph(inputShape: [Int], classes: Int) -> Graph {
        let graph = Graph(inputShape: inputShape)
        let start = Initializer.truncatedNormal(0.02)
        var x = graph.tokenEmbedding(graph.inputValue, patch: patch, width: width)
        for index in 0..<depth {
            let name = "blocks.\(index)"
            let rate = depth > 1 ? stochasticDepthRate * Float(index) / Float(depth - 1) : 0
            var branch = graph.layerNormalization(x, "\(name).norm1")
            // Of the last block only the class token's result is read: it is the only query, and continues alone.
            let isLast = index == depth - 1
            let queries = isLast ? graph.selectToken(branch, "\(name) class query", index: 0) : branch
            branch = graph.attention(branch, queries: queries, "\(name).attn", heads: heads, weights: start)
            if isLast { x = graph.selectToken(x, "class token", index: 0) }
            branch = graph.dropout(branch, "\(name).attn.proj_drop", rate: dropoutRate)
            x = graph.add(graph.stochasticDepth(branch, "\(name).drop_path1", rate: rate), x, "\(name).add1")
            branch = graph.layerNormalization(x, "\(name).norm2")
            branch = graph.linear(
                branch, "\(name).mlp.fc1", outputs: hiddenRatio * width, weights: start, bias: .constant(0))
            branch = graph.dropout(graph.gelu(branch, "\(name).mlp.act"), "\(name).mlp.drop1", rate: dropoutRate)
            branch = graph.linear(branch, "\(name).mlp.fc2", outputs: width, weights: start, bias: .constant(0))
            branch = graph.dropout(branch, "\(name).mlp.drop2", rate: dropoutRate)
            x = graph.add(graph.stochasticDepth(branch, "\(name).drop_path2", rate: rate), x, "\(name).add2")
        }
        x = graph.layerNormalization(x, "norm")
        graph.setLogits(graph.linear(x, "head", outputs: classes, weights: start, bias: .constant(0)))
        return graph
    }
}
