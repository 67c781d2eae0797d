import Compute
import Testing
import Vectors

/// bfloat16 has 8 significant bits: a rounding is off by 2⁻⁹ of itself at most, and errors of many roundings mostly
/// cancel. Each kind of layer is held to float32 within what a handful of roundings may add up to.
@Suite(.serialized, .enabled(if: Precision.bfloat16.support != .none)) struct BFloat16Tests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let input: [Int]
        let build: @Sendable (Graph, Value) -> Value
    }

    static let cases = [
        Case(testDescription: "convolutions, BatchNorm, shortcuts", input: [3, 12, 12]) { graph, x in
            let stem = graph.batchNormalization(
                graph.convolution(x, "conv1", outputs: 16, kernel: 3, padding: 1), "bn1", relu: true)
            var branch = graph.convolution(stem, "conv2", outputs: 32, kernel: 3, stride: 2, padding: 1, bias: true)
            branch = graph.add(
                branch, graph.paddedShortcut(stem, "shortcut", outputs: 32, stride: 2), "add", relu: true)
            return graph.globalAveragePooling(branch, "pool")
        },
        Case(testDescription: "channels that fill no block, a padded addition", input: [3, 12, 12]) { graph, x in
            let trunk = graph.batchNormalization(
                graph.convolution(x, "conv1", outputs: 21, kernel: 3, padding: 1), "bn1", relu: true)
            let branch = graph.convolution(trunk, "conv2", outputs: 37, kernel: 3, padding: 1)
            return graph.globalAveragePooling(
                graph.addPadded(graph.batchNormalization(branch, "bn2"), trunk, "add"), "pool")
        },
        Case(testDescription: "a large stem with the largest of windows", input: [3, 32, 32]) { graph, x in
            let stem = graph.convolution(x, "conv1", outputs: 16, kernel: 7, stride: 2, padding: 3)
            let pooled = graph.maxPooling(
                graph.batchNormalization(stem, "bn1", relu: true), "maxpool", kernel: 3, stride: 2, padding: 1)
            return graph.flatten(graph.convolution(pooled, "conv2", outputs: 8, kernel: 1), "flatten")
        },
        Case(testDescription: "a large BatchNorm, computed again", input: [3, 64, 64]) { graph, x in
            let stem = graph.convolution(x, "conv1", outputs: 32, kernel: 3, padding: 1)
            let image = graph.batchNormalization(stem, "bn1", relu: true)
            return graph.globalAveragePooling(
                graph.convolution(image, "conv2", outputs: 16, kernel: 3, stride: 2), "pool")
        },
        Case(testDescription: "tokens and attention", input: [3, 16, 16]) { graph, x in
            let tokens = graph.tokenEmbedding(x, patch: 4, width: 48)
            let mixed = graph.attention(
                graph.layerNormalization(tokens, "norm1"), "attn", heads: 3, weights: .normal(0.1))
            let sum = graph.add(mixed, tokens, "add")
            let hidden = graph.gelu(
                graph.linear(graph.layerNormalization(sum, "norm2"), "fc1", outputs: 96), "gelu")
            return graph.selectToken(
                graph.add(graph.linear(hidden, "fc2", outputs: 48), sum, "add2"), "select", index: 0)
        },
        Case(testDescription: "attention with one query", input: [3, 16, 16]) { graph, x in
            let tokens = graph.layerNormalization(graph.tokenEmbedding(x, patch: 4, width: 48), "norm1")
            let query = graph.selectToken(tokens, "query", index: 0)
            return graph.attention(tokens, queries: query, "attn", heads: 3, weights: .normal(0.1))
        },
        Case(testDescription: "dropout and stochastic depth", input: [3, 8, 8]) { graph, x in
            let image = graph.convolution(x, "conv1", outputs: 16, kernel: 3, padding: 1, bias: true)
            let branch = graph.stochasticDepth(graph.dropout(image, "drop", rate: 0.3), "path", rate: 0.4)
            return graph.globalAveragePooling(graph.relu(graph.add(branch, image, "add"), "relu"), "pool")
        },
    ]

    private func difference(_ a: FlatVector, _ b: FlatVector) -> Double {
        let gap = FlatVector(count: a.count)
        gap.setSum(a, b, scaledBy: -1)
        return gap.norm / b.norm
    }

    @Test(arguments: cases) func `gradients are float32's to bfloat16's rounding`(test: Case) throws {
        func gradient(_ precision: Precision) throws -> (loss: Double, gradient: FlatVector) {
            let check = try GradientCheck(input: test.input, batch: 16, precision: precision, test.build)
            return try check.gradient(at: check.weights)
        }
        let (exact, rounded) = (try gradient(.float32), try gradient(.bfloat16))
        #expect(abs(rounded.loss - exact.loss) < 0.01 * exact.loss, "losses \(rounded.loss) and \(exact.loss)")
        let gap = difference(rounded.gradient, exact.gradient)
        // Not equal: the option does something.
        #expect(gap > 1e-4 && gap < 0.03, "gradients differ by \(gap)")
    }

    @Test(.enabled(if: !Precision.hasMatrixUnits)) func `Winograd's algorithm in float32 is no less exact than direct`()
        throws
    {
        func gradient(_ precision: Precision, _ policy: ConvolutionPolicy) throws -> FlatVector {
            let check = try GradientCheck(input: [3, 16, 16], batch: 64, policy: policy, precision: precision) {
                graph, x in
                let stem = graph.batchNormalization(
                    graph.convolution(x, "stem", outputs: 64, kernel: 3, padding: 1), "bn1", relu: true)
                // 1,024 tiles, all three directions: between values in float32, then into one that strided convolutions
                // want in bfloat16. The stem's result is added to bfloat16.
                let first = graph.convolution(stem, "first", outputs: 64, kernel: 3, padding: 1)
                let second = graph.convolution(
                    graph.batchNormalization(first, "bn2", relu: true), "second", outputs: 64, kernel: 3, padding: 1,
                    bias: true)
                let sum = graph.add(graph.batchNormalization(second, "bn3"), stem, "add1", relu: true)
                // 256 tiles: from a value that a convolution in bfloat16 writes in float32.
                let half = graph.convolution(sum, "half", outputs: 128, kernel: 3, stride: 2, padding: 1)
                let third = graph.convolution(half, "third", outputs: 128, kernel: 3, padding: 1)
                let shortcut = graph.convolution(sum, "shortcut", outputs: 128, kernel: 1, stride: 2)
                let halfSum = graph.add(third, shortcut, "add2", relu: true)
                // 64 tiles: weights' gradients alone.
                let quarter = graph.convolution(halfSum, "quarter", outputs: 128, kernel: 3, stride: 2, padding: 1)
                let fourth = graph.convolution(
                    graph.batchNormalization(quarter, "bn4", relu: true), "fourth", outputs: 128, kernel: 3, padding: 1)
                return graph.globalAveragePooling(graph.add(fourth, quarter, "add3", relu: true), "pool")
            }
            return try check.gradient(at: check.weights).gradient
        }
        let exact = try gradient(.float32, .direct)
        let (direct, winograd) = (try gradient(.bfloat16, .direct), try gradient(.bfloat16, .auto))
        #expect(difference(direct, exact) < 0.03)
        #expect(difference(winograd, exact) < 1.05 * difference(direct, exact))
        #expect(winograd.fingerprint() != direct.fingerprint())
    }

    @Test(arguments: cases) func `runs repeat to the bit`(test: Case) throws {
        let check = try GradientCheck(input: test.input, batch: 4, precision: .bfloat16, test.build)
        let (first, second) = (try check.gradient(at: check.weights), try check.gradient(at: check.weights))
        #expect(first.loss == second.loss && first.gradient.fingerprint() == second.gradient.fingerprint())
    }

    @Test func `the arena is little more than half of float32's`() throws {
        let bytes = try [Precision.float32, .bfloat16].map { precision in
            let check = try GradientCheck(input: [3, 32, 32], batch: 16, precision: precision) { graph, x in
                var y = graph.convolution(x, "stem", outputs: 32, kernel: 3, padding: 1)
                for layer in 0..<4 {
                    y = graph.convolution(
                        graph.batchNormalization(y, "bn\(layer)", relu: true), "conv\(layer)", outputs: 32, kernel: 3,
                        padding: 1)
                }
                return graph.globalAveragePooling(y, "pool")
            }
            _ = try check.gradient(at: check.weights)
            return Double(check.network.arenaBytes)
        }
        #expect(bytes[1] < 0.65 * bytes[0], "\(bytes)")
    }
}
