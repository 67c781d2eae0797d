import Compute

/// Wide residual networks (Zagoruyko and Komodakis 2016): pre-activation blocks of two 3x3 convolutions in three
/// stages, with the parameter names of the PyTorch form that the CR-SAM authors trained
/// (`block1.layer.0.convShortcut.weight`).
package struct WideResNet: Architecture {
    /// 6n + 4 layers: n blocks in each stage.
    package var depth: Int
    /// Over 16, 32 and 64 channels.
    package var widening: Int

    package init(depth: Int, widening: Int) {
        precondition(depth >= 10 && (depth - 4) % 6 == 0, "a wide ResNet has 6n + 4 layers")
        self.depth = depth
        self.widening = widening
    }

    static let halvings = 2

    package func check(inputShape: [Int]) throws(UnsuitableImage) {
        try UnsuitableImage.requireSquare(inputShape, halvings: Self.halvings)
    }

    package var layerOrder: LayerOrder? { LayerOrder(block: "block#.layer.#", closing: "bn1", head: ["fc"]) }

    package func graph(inputShape: [Int], classes: Int, options: ModelOptions) -> Graph {
        let graph = Graph(inputShape: inputShape)
        var x = graph.convolution(graph.inputValue, "conv1", outputs: 16, kernel: 3, padding: 1)
        for stage in 0...Self.halvings {
            for index in 0..<(depth - 4) / 6 {
                let stride = stage > 0 && index == 0 ? 2 : 1
                x = block(
                    graph, x, "block\(stage + 1).layer.\(index)", outputs: (16 << stage) * widening, stride: stride)
            }
        }
        x = graph.batchNormalization(x, "bn1", relu: true)
        graph.setLogits(
            graph.linear(graph.globalAveragePooling(x, "avgpool"), "fc", outputs: classes, bias: .constant(0)))
        return graph
    }

    private func block(_ graph: Graph, _ x: Value, _ name: String, outputs: Int, stride: Int) -> Value {
        let activated = graph.batchNormalization(x, "\(name).bn1", relu: true)
        var branch = graph.convolution(
            activated, "\(name).conv1", outputs: outputs, kernel: 3, stride: stride, padding: 1)
        branch = graph.batchNormalization(branch, "\(name).bn2", relu: true)
        branch = graph.convolution(branch, "\(name).conv2", outputs: outputs, kernel: 3, padding: 1)
        // Where the width changes, the shortcut starts behind the activation; else it is the block's input.
        let shortcut =
            graph.shape(x)[0] == outputs
            ? x : graph.convolution(activated, "\(name).convShortcut", outputs: outputs, kernel: 1, stride: stride)
        return graph.add(branch, shortcut, "\(name).add")
    }
}
