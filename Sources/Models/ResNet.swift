import Compute

/// Residual networks (He, Zhang, Ren and Sun 2016) with torchvision's parameter names: a stem, stages of blocks, each
/// stage but the first halving the image, the mean over pixels and a linear layer `fc`.
package struct ResNet: Architecture {
    package enum Stem: Sendable {
        /// A 3x3 convolution without pooling, for images of 28 to 64 pixels.
        case small
        /// A 7x7 convolution and a 3x3 maximum, each with stride 2, for images of 224 pixels.
        case large

        /// How often it halves the image.
        var halvings: Int { self == .large ? 2 : 0 }
    }

    package enum Block: Sendable {
        /// 3x3, 3x3.
        case basic
        /// 1x1, 3x3 with the stride (as torchvision has it; the paper strides the first), 1x1 to four times the width.
        case bottleneck

        /// Channels of the result over the width.
        var expansion: Int { self == .bottleneck ? 4 : 1 }
    }

    /// What stands in for the identity where a block changes the shape.
    package enum Shortcut: Sendable {
        /// He et al.'s option A, used in their CIFAR networks: subsampling and zeros for the new channels, half on each
        /// side.
        case zeroPadding
        /// Option B: a 1x1 convolution and BatchNorm, `downsample.0` and `downsample.1`.
        case projection
    }

    package var stem: Stem
    package var block: Block
    /// Blocks of each stage.
    package var blocks: [Int]
    /// Width of each stage.
    package var widths: [Int]
    package var shortcut: Shortcut

    package init(stem: Stem = .small, block: Block = .basic, blocks: [Int], widths: [Int], shortcut: Shortcut) {
        self.stem = stem
        self.block = block
        self.blocks = blocks
        self.widths = widths
        self.shortcut = shortcut
    }

    /// The network of section 4.2 with 6n + 2 layers: three stages of n blocks, 16, 32 and 64 channels wide.
    package static func cifar(depth: Int) -> ResNet {
        ResNet(blocks: Array(repeating: (depth - 2) / 6, count: 3), widths: [16, 32, 64], shortcut: .zeroPadding)
    }

    /// The networks of table 1, of four stages 64 to 512 wide: torchvision's with the large stem, kuangliu's
    /// (pytorch-cifar) with the small one.
    ///
    /// - Parameter depth: 18, 34, 50, 101 or 152.
    package static func imageNet(depth: Int, stem: Stem = .large) -> ResNet {
        let stages = [
            18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3],
        ]
        guard let blocks = stages[depth] else { preconditionFailure("no ResNet of table 1 has \(depth) layers") }
        return ResNet(
            stem: stem, block: depth < 50 ? .basic : .bottleneck, blocks: blocks, widths: [64, 128, 256, 512],
            shortcut: .projection)
    }

    /// How often the network halves the image.
    var halvings: Int { stem.halvings + blocks.count - 1 }

    package func check(inputShape: [Int]) throws(UnsuitableImage) {
        try UnsuitableImage.requireSquare(inputShape, halvings: halvings)
    }

    package var options: Set<ModelOption> { [.dropPath, .zeroInitResidual] }

    package var layerOrder: LayerOrder? { LayerOrder(block: "layer#.#", head: ["fc"]) }

    package func graph(inputShape: [Int], classes: Int, options: ModelOptions) -> Graph {
        let graph = Graph(inputShape: inputShape)
        var x = stem(graph)
        var depth = BlockDepth(blocks.reduce(0, +), options)
        for (stage, (count, width)) in zip(blocks, widths).enumerated() {
            for index in 0..<count {
                let stride = stage > 0 && index == 0 ? 2 : 1
                x = block(
                    graph, x, "layer\(stage + 1).\(index)", width: width, stride: stride,
                    dropPath: depth.nextDropPath(), options)
            }
        }
        graph.setLogits(graph.linear(graph.globalAveragePooling(x, "avgpool"), "fc", outputs: classes))
        return graph
    }

    private func stem(_ graph: Graph) -> Value {
        switch stem {
        case .small:
            let x = graph.convolution(graph.inputValue, "conv1", outputs: widths[0], kernel: 3, padding: 1)
            return graph.batchNormalization(x, "bn1", relu: true)
        case .large:
            var x = graph.convolution(graph.inputValue, "conv1", outputs: widths[0], kernel: 7, stride: 2, padding: 3)
            x = graph.batchNormalization(x, "bn1", relu: true)
            return graph.maxPooling(x, "maxpool", kernel: 3, stride: 2, padding: 1)
        }
    }

    private func block(
        _ graph: Graph, _ x: Value, _ name: String, width: Int, stride: Int, dropPath: Float, _ options: ModelOptions
    ) -> Value {
        // Kernel, channels and stride of the branch's convolutions; all but the last have a ReLU.
        let convolutions: [(kernel: Int, outputs: Int, stride: Int)] =
            switch block {
            case .basic: [(3, width, stride), (3, width, 1)]
            case .bottleneck: [(1, width, 1), (3, width, stride), (1, width * block.expansion, 1)]
            }
        var branch = x
        for (index, layer) in convolutions.enumerated() {
            branch = graph.convolution(
                branch, "\(name).conv\(index + 1)", outputs: layer.outputs, kernel: layer.kernel, stride: layer.stride,
                padding: layer.kernel / 2)
            let isLast = index == convolutions.count - 1
            branch = graph.batchNormalization(
                branch, "\(name).bn\(index + 1)", relu: !isLast,
                initialScale: isLast && options.zeroInitResidual ? 0 : 1)
        }
        branch = graph.stochasticDepth(branch, "\(name).drop_path", rate: dropPath)
        let identity = identity(graph, x, name, outputs: width * block.expansion, stride: stride)
        return graph.add(branch, identity, "\(name).add", relu: true)
    }

    private func identity(_ graph: Graph, _ x: Value, _ name: String, outputs: Int, stride: Int) -> Value {
        if stride == 1 && graph.shape(x)[0] == outputs { return x }
        switch shortcut {
        case .zeroPadding:
            return graph.paddedShortcut(x, "\(name).shortcut", outputs: outputs, stride: stride)
        case .projection:
            let projected = graph.convolution(x, "\(name).downsample.0", outputs: outputs, kernel: 1, stride: stride)
            return graph.batchNormalization(projected, "\(name).downsample.1")
        }
    }
}
