import Compute

/// Deep pyramidal residual networks (Han, Kim and Kim 2017) for small images: every block is wider than the one before,
/// without a ReLU before its first and behind its last layer, and all shortcuts are free of parameters. Parameter names
/// are those of the authors' PyTorch form (`layer1.0.bn3.weight`, `bn_final.weight`).
package struct PyramidNet: Architecture {
    package enum Block: Sendable {
        /// 3x3, 3x3: 6n + 2 layers.
        case basic
        /// 1x1, 3x3, 1x1 to four times the width: 9n + 2 layers.
        case bottleneck

        var layers: Int { self == .basic ? 2 : 3 }
        /// Channels of the result over the width.
        var expansion: Int { self == .basic ? 1 : 4 }
    }

    package var depth: Int
    /// α: channels that all blocks together add to the first layer's 16.
    package var widening: Int
    package var block: Block

    package init(depth: Int, widening: Int, block: Block = .basic) {
        precondition(
            depth > 2 && (depth - 2) % (3 * block.layers) == 0,
            "a pyramidal network has \(3 * block.layers)n + 2 layers")
        self.depth = depth
        self.widening = widening
        self.block = block
    }

    static let stages = 3
    private var blocksPerStage: Int { (depth - 2) / (Self.stages * block.layers) }

    package func check(inputShape: [Int]) throws(UnsuitableImage) {
        // A shortcut averages over 2 x 2 pixels, which must come out as the branch's strides do.
        try UnsuitableImage.requireSquare(inputShape, halvings: Self.stages - 1)
        guard inputShape[1] % 4 == 0 else { throw UnsuitableImage("the sides must be multiples of 4") }
    }

    package var options: Set<ModelOption> { [.dropPath, .zeroInitResidual] }

    package var layerOrder: LayerOrder? { LayerOrder(block: "layer#.#", closing: "bn_final", head: ["fc"]) }

    /// - Parameter inputShape: channels, height, width.
    package func graph(inputShape: [Int], classes: Int, options: ModelOptions) -> Graph {
        let graph = Graph(inputShape: inputShape)
        var x = graph.convolution(graph.inputValue, "conv1", outputs: 16, kernel: 3, padding: 1)
        x = graph.batchNormalization(x, "bn1")
        let count = Self.stages * blocksPerStage
        var blocks = BlockDepth(count, options)
        for index in 0..<count {
            let (stage, position) = index.quotientAndRemainder(dividingBy: blocksPerStage)
            // Section 2.2, additive: the width grows by α/N a block.
            let width = (16 + Double(widening) * Double(index + 1) / Double(count)).rounded(.toNearestOrEven)
            x = residual(
                graph, x, "layer\(stage + 1).\(position)", width: Int(width),
                stride: stage > 0 && position == 0 ? 2 : 1, dropPath: blocks.nextDropPath(), options)
        }
        x = graph.batchNormalization(x, "bn_final", relu: true)
        graph.setLogits(graph.linear(graph.globalAveragePooling(x, "avgpool"), "fc", outputs: classes))
        return graph
    }

    private func residual(
        _ graph: Graph, _ x: Value, _ name: String, width: Int, stride: Int, dropPath: Float, _ options: ModelOptions
    ) -> Value {
        let outputs = width * block.expansion
        let convolutions: [(kernel: Int, outputs: Int, stride: Int)] =
            switch block {
            case .basic: [(3, width, stride), (3, width, 1)]
            case .bottleneck: [(1, width, 1), (3, width, stride), (1, outputs, 1)]
            }
        var branch = graph.batchNormalization(x, "\(name).bn1")
        for (index, layer) in convolutions.enumerated() {
            let isLast = index == convolutions.count - 1
            branch = graph.convolution(
                branch, "\(name).conv\(index + 1)", outputs: layer.outputs, kernel: layer.kernel, stride: layer.stride,
                padding: layer.kernel / 2)
            branch = graph.batchNormalization(
                branch, "\(name).bn\(index + 2)", relu: !isLast,
                initialScale: isLast && options.zeroInitResidual ? 0 : 1)
        }
        branch = graph.stochasticDepth(branch, "\(name).drop_path", rate: dropPath)
        let shortcut = stride == 1 ? x : graph.averagePooling(x, "\(name).downsample", kernel: stride, stride: stride)
        return graph.addPadded(branch, shortcut, "\(name).add")
    }
}
