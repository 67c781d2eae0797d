import Compute

/// The vision transformer (Dosovitskiy et al. 2021) as timm's `VisionTransformer` computes it, with its parameter
/// names: patches and positions, pre-norm blocks, LayerNorm, a linear `head` on the class token or the tokens' mean.
package struct VisionTransformer: Architecture {
    /// What the head reads.
    package enum Pooling: Sendable {
        /// A token of its own in front of the patches'.
        case classToken
        /// The mean over the patches' tokens behind the last LayerNorm; there is no class token.
        case mean
    }

    /// How weights begin.
    package enum Start: Sendable {
        /// timm's: normal of deviation 0.02, biases 0.
        case timm
        /// big_vision's: Glorot's in the blocks, the hidden layers' biases almost 0, the head 0.
        case bigVision
    }

    /// Side of a square patch, in pixels.
    package var patch: Int
    package var width: Int
    package var depth: Int
    package var heads: Int
    /// Width of a block's hidden layer over `width`.
    package var hiddenRatio: Int
    package var pooling: Pooling
    package var positions: TokenPositions
    /// Whether a linear layer and tanh, `pre_logits`, come before the head (Dosovitskiy et al., section 3.1).
    package var hasPreLogits: Bool
    package var start: Start
    /// Of the hidden layers' and the attention's results.
    package var dropoutRate: Float

    package init(
        patch: Int, width: Int, depth: Int = 12, heads: Int, hiddenRatio: Int = 4, pooling: Pooling = .classToken,
        positions: TokenPositions = .learned, hasPreLogits: Bool = false, start: Start = .timm,
        dropoutRate: Float = 0
    ) {
        precondition(depth > 0, "a vision transformer has a block")
        self.patch = patch
        self.width = width
        self.depth = depth
        self.heads = heads
        self.hiddenRatio = hiddenRatio
        self.pooling = pooling
        self.positions = positions
        self.hasPreLogits = hasPreLogits
        self.start = start
        self.dropoutRate = dropoutRate
    }

    /// Patch 4, 192 wide, 12 deep, 3 heads: the size of ViT-Tiny for images of 28 to 64 pixels.
    package static let smallImage = tiny(patch: 4)

    /// ViT-Ti: 192 wide, 12 deep, 3 heads; timm's `vit_tiny_patch16_224`.
    package static func tiny(patch: Int) -> VisionTransformer { VisionTransformer(patch: patch, width: 192, heads: 3) }

    /// ViT-S: 384 wide, 12 deep, 6 heads; timm's `vit_small_patch16_224` and `vit_small_patch32_224`.
    package static func small(patch: Int) -> VisionTransformer { VisionTransformer(patch: patch, width: 384, heads: 6) }

    /// ViT-B: 768 wide, 12 deep, 12 heads; timm's `vit_base_patch16_224` and `vit_base_patch32_224`.
    package static func base(patch: Int) -> VisionTransformer { VisionTransformer(patch: patch, width: 768, heads: 12) }

    /// ViT-S/16 as big_vision's `vit_s16_i1k` (Beyer, Zhai and Kolesnikov 2022) has it: fixed positions, the mean of
    /// the tokens, a tanh layer before the head.
    package static let bigVisionSmall = VisionTransformer(
        patch: 16, width: 384, heads: 6, pooling: .mean, positions: .sineCosine, hasPreLogits: true,
        start: .bigVision)

    package func check(inputShape: [Int]) throws(UnsuitableImage) {
        guard inputShape[1] % patch == 0, inputShape[2] % patch == 0 else {
            throw UnsuitableImage("height and width must be multiples of its patch, \(patch)")
        }
    }

    package var options: Set<ModelOption> { [.dropPath] }

    package var layerOrder: LayerOrder? {
        LayerOrder(block: "blocks.#", closing: "norm", head: ["pre_logits", "head"])
    }

    /// - Parameter inputShape: channels, height, width; the patch tiles the image.
    package func graph(inputShape: [Int], classes: Int, options: ModelOptions) -> Graph {
        let graph = Graph(inputShape: inputShape)
        var x = graph.tokenEmbedding(
            graph.inputValue, patch: patch, width: width, classToken: pooling == .classToken, positions: positions)
        var blocks = BlockDepth(depth, options)
        for index in 0..<depth {
            let name = "blocks.\(index)"
            let rate = blocks.nextDropPath()
            var branch = graph.layerNormalization(x, "\(name).norm1")
            // Of the last block only the class token's result is read: it is the only query, and continues alone.
            let isLast = index == depth - 1 && pooling == .classToken
            let queries = isLast ? graph.selectToken(branch, "\(name) class query", index: 0) : branch
            branch = graph.attention(
                branch, queries: queries, "\(name).attn", heads: heads, weights: weights(width, width))
            if isLast { x = graph.selectToken(x, "class token", index: 0) }
            branch = graph.dropout(branch, "\(name).attn.proj_drop", rate: dropoutRate)
            x = graph.add(graph.stochasticDepth(branch, "\(name).drop_path1", rate: rate), x, "\(name).add1")
            branch = graph.layerNormalization(x, "\(name).norm2")
            branch = graph.linear(
                branch, "\(name).mlp.fc1", outputs: hiddenRatio * width,
                weights: weights(width, hiddenRatio * width), bias: hiddenBias)
            branch = graph.dropout(graph.gelu(branch, "\(name).mlp.act"), "\(name).mlp.drop1", rate: dropoutRate)
            branch = graph.linear(
                branch, "\(name).mlp.fc2", outputs: width, weights: weights(hiddenRatio * width, width),
                bias: hiddenBias)
            branch = graph.dropout(branch, "\(name).mlp.drop2", rate: dropoutRate)
            x = graph.add(graph.stochasticDepth(branch, "\(name).drop_path2", rate: rate), x, "\(name).add2")
        }
        x = graph.layerNormalization(x, "norm")
        if pooling == .mean { x = graph.tokenMean(x, "pool") }
        if hasPreLogits {
            let layer = graph.linear(
                x, "pre_logits", outputs: width,
                weights: start == .timm ? weights(width, width) : .normal(1 / Float(width).squareRoot()),
                bias: .constant(0))
            x = graph.tanh(layer, "pre_logits.act")
        }
        graph.setLogits(
            graph.linear(
                x, "head", outputs: classes, weights: start == .timm ? weights(width, classes) : .constant(0),
                bias: .constant(0)))
        return graph
    }

    private func weights(_ inputs: Int, _ outputs: Int) -> Initializer {
        start == .timm ? .truncatedNormal(0.02) : .xavierUniform(fanIn: inputs, fanOut: outputs)
    }

    private var hiddenBias: Initializer { start == .timm ? .constant(0) : .normal(1e-6) }
}
