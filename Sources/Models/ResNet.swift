import Compute

/// Residual networks of basic blocks (He, Zhang, Ren and Sun 2016) for small images, with torchvision's parameter names.
///
/// A 3x3 stem without pooling, stages of basic blocks (3x3, 3x3), each stage but the first halving the image, the
/// mean over pixels and a linear layer `fc`.
public struct ResNet: Sendable {
    /// What stands in for the identity where a block changes the shape.
    public enum Shortcut: Sendable {
        /// He et al.'s option A, used in their CIFAR networks: subsampling and zeros for the new channels, half on each side.
        case zeroPadding
        /// Option B: a 1x1 convolution and BatchNorm, `downsample.0` and `downsample.1`.
        case projection
    }

    /// Blocks of each stage.
    public var blocks: [Int]
    /// Channels of each stage.
    public var widths: [Int]
    public var shortcut: Shortcut

    public init(blocks: [Int], widths: [Int], shortcut: Shortcut) {
        self.blocks = blocks
        self.widths = widths
        self.shortcut = shortcut
    }

    /// The network of section 4.2 with 6n + 2 layers: three stages of n blocks, 16, 32 and 64 channels wide.
    public static func cifar(depth: Int) -> ResNet {
        ResNet(blocks: Array(repeating: (depth - 2) / 6, count: 3), widths: [16, 32, 64], shortcut: .zeroPadding)
    }

    /// ResNet-18 in its CIFAR form.
    public static let resnet18 = ResNet(
        blocks: [2, 2, 2, 2], widths: [64, 128, 256, 512], shortcut: .projection)

    /// - Parameter inputShape: channels, height, width.
    public func graph(inputShape: [Int], classes: Int) -> Graph {
        let graph = Graph(inputShape: inputShape)
        let stem = graph.convolution(graph.inputValue, "conv1", outputs: widths[0], kernel: 3, padding: 1)
        var x = graph.batchNormalization(stem, "bn1", relu: true)
        for (stage, (count, width)) in zip(blocks, widths).enumerated() {
            for block in 0..<count {
                let stride = stage > 0 && block == 0 ? 2 : 1
                x = basicBlock(graph, x, "layer\(stage + 1).\(block)", width: width, stride: stride)
            }
        }
        graph.setLogits(graph.linear(graph.globalAveragePooling(x, "avgpool"), "fc", outputs: classes))
        return graph
    }

    private func basicBlock(_ graph: Graph, _ x: Value, _ name: String, width: Int, stride: Int) -> Value {
        var branch = graph.convolution(x, "\(name).conv1", outputs: width, kernel: 3, stride: stride, padding: 1)
        branch = graph.batchNormalization(branch, "\(name).bn1", relu: true)
        branch = graph.convolution(branch, "\(name).conv2", outputs: width, kernel: 3, padding: 1)
        branch = graph.batchNormalization(branch, "\(name).bn2")
        return graph.add(branch, identity(graph, x, name, width: width, stride: stride), "\(name).add", relu: true)
    }

    private func identity(_ graph: Graph, _ x: Value, _ name: String, width: Int, stride: Int) -> Value {
        if stride == 1 && graph.shape(x)[0] == width { return x }
        switch shortcut {
        case .zeroPadding:
            return graph.paddedShortcut(x, "\(name).shortcut", outputs: width, stride: stride)
        case .projection:
            let projected = graph.convolution(x, "\(name).downsample.0", outputs: width, kernel: 1, stride: stride)
            return graph.batchNormalization(projected, "\(name).downsample.1")
        }
    }
}
