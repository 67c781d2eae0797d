import Compute
import Objectives
import Testing
import Vectors

@Suite(.serialized) struct NetworkTests {
    /// Stem, residual block with BatchNorm, head.
    private func residual(_ graph: Graph, _ x: Value) -> Value {
        let stem = graph.batchNormalization(
            graph.convolution(x, "conv1", outputs: 16, kernel: 3, padding: 1), "bn1", relu: true)
        let branch = graph.batchNormalization(
            graph.convolution(stem, "conv2", outputs: 16, kernel: 3, padding: 1), "bn2")
        return graph.globalAveragePooling(graph.add(branch, stem, "add", relu: true), "pool")
    }

    private func transformer(_ graph: Graph, _ x: Value) -> Value {
        let tokens = graph.tokenEmbedding(x, patch: 4, width: 24)
        let mixed = graph.attention(graph.layerNormalization(tokens, "norm"), "attn", heads: 3, weights: .normal(0.2))
        return graph.selectToken(graph.add(mixed, tokens, "add"), "select", index: 0)
    }

    @Test(
        .enabled(if: ConvolutionPolicy.hasWinograd, "Winograd's algorithm needs AVX2"),
        arguments: [ConvolutionPolicy.auto, .winograd])
    func `Winograd's algorithm, in all three directions, agrees with direct convolution to float32 rounding`(
        policy: ConvolutionPolicy
    ) throws {
        let checks = try [policy, .direct].map { policy in
            try GradientCheck(input: [3, 16, 16], batch: 8, policy: policy) { graph, x in
                // Channels enough on both sides, and an input that wants a gradient.
                let wide = graph.convolution(x, "wide", outputs: 32, kernel: 1)
                let tested = graph.convolution(wide, "tested", outputs: 64, kernel: 3, padding: 1, bias: true)
                return graph.globalAveragePooling(graph.relu(tested, "relu"), "pool")
            }
        }
        #expect(
            try checks[0].winogradLabels() == ["tested backward data", "tested backward weights", "tested forward"])
        #expect(try checks[1].winogradLabels() == [])
        let (winograd, direct) = (
            try checks[0].gradient(at: checks[0].weights), try checks[1].gradient(at: checks[1].weights)
        )
        #expect(abs(winograd.loss - direct.loss) < 1e-6 * direct.loss)
        // "wide" has what backward data gives it, "tested" backward weights, the head what forward does.
        for name in ["wide.weight", "tested.weight", "head.weight"] {
            let entry = try #require(checks[0].graph.parameterLayout[name])
            let (result, expected) = (winograd.gradient.slice(entry.range), direct.gradient.slice(entry.range))
            #expect(result.fingerprint() != expected.fingerprint(), "\(name)")
            let difference = relativeDifference(result, expected)
            // Measured: 5.6e-7 behind backward data and weights, 1.5e-7 behind forward.
            #expect(difference < 1e-6, "\(name): \(difference)")
        }
    }

    @Test func `the gradient of a batch is the mean over its halves where nothing couples samples`() throws {
        let check = try GradientCheck(input: [3, 8, 8], batch: 8) { transformer($0, $1) }
        let whole = try check.gradient(at: check.weights)
        let sum = FlatVector(count: check.weights.count)
        var loss = 0.0
        for half in 0..<2 {
            loss += try check.labels.withUnsafeBufferPointer { labels in
                try check.network.gradient(
                    SampleBatch(
                        count: 4, pixels: check.pixels.pointer + half * 4 * 3 * 8 * 8,
                        labels: labels.baseAddress.map { $0 + half * 4 }),
                    at: check.weights, statistics: check.statistics, into: GradientSum(sum, overwrites: half == 0),
                    gradientScale: 1 / 8
                ).lossSum
            }
        }
        #expect(abs(loss / 8 - whole.loss) < 1e-6)
        #expect(relativeDifference(sum, whole.gradient) < 1e-6)
    }

    @Test(arguments: [true, false])
    func `entries that are called final during the backward pass have their last values`(isResidual: Bool) throws {
        let check = try GradientCheck(input: [3, 8, 8], batch: 4) {
            isResidual ? residual($0, $1) : transformer($0, $1)
        }
        let sink = ReadyParts(count: check.weights.count)
        let gradient = sink.sum
        // Padding is not written.
        let written = check.graph.parameterLayout.entries.flatMap(\.range)
        for index in written { gradient[index] = .nan }
        let result = try check.labels.withUnsafeBufferPointer { labels in
            try check.network.gradient(
                SampleBatch(count: 4, pixels: check.pixels.pointer, labels: labels.baseAddress), at: check.weights,
                statistics: check.statistics, into: sink, gradientScale: 1)
        }
        for part in sink.parts { #expect(part.values == Array(gradient.array[part.start...]), "from \(part.start)") }
        let starts = sink.parts.map(\.start)
        #expect(starts == starts.sorted(by: >) && starts.last == 0)
        // Layer by layer, not all at the end.
        #expect(Set(starts).count >= 5)
        #expect(sink.evaluations == [result] && sink.touchedBefore == 0, "losses come before the backward pass, once")
    }

    @Test(arguments: [1, 2, 3, 7, 40]) func `starting weights are the sum of the parts that ranks draw`(parts: Int)
        throws
    {
        let graph = try GradientCheck(input: [3, 8, 8], batch: 1) { transformer($0, $1) }.graph
        func weights(_ part: Int, of parts: Int) -> FlatVector {
            let weights = FlatVector(count: graph.parameterLayout.vectorCount)
            // Except in the padding, the earlier values must not count.
            for entry in graph.parameterLayout.entries { weights.slice(entry.range).fill(9) }
            let statistics = FlatVector(count: graph.statisticsLayout.vectorCount)
            graph.initialize(weights: weights, statistics: statistics, seed: 5, part: part, of: parts)
            return weights
        }
        let sum = FlatVector(count: graph.parameterLayout.vectorCount)
        for part in 0..<parts { sum.add(weights(part, of: parts)) }
        #expect(sum.array == weights(0, of: 1).array)
    }

    @Test func `mixed labels count as the distribution over the classes that they are`() throws {
        let mixed = try GradientCheck(input: [3, 8, 8], batch: 6) { transformer($0, $1) }
        let (second, weights): ([Int32], [Float]) = ([0, 1, 2, 3, 4, 0], [0.25, 1, 0, 0.5, 0.75, 0.3125])
        let dense = FlatVector(count: 6 * 5)
        for (sample, label) in mixed.labels.enumerated() {
            dense[sample * 5 + Int(label)] += weights[sample]
            dense[sample * 5 + Int(second[sample])] += 1 - weights[sample]
        }
        func gradient(_ labels: MixedLabels?) throws -> (loss: Double, gradient: FlatVector) {
            let gradient = FlatVector(count: mixed.weights.count)
            let result = try mixed.labels.withUnsafeBufferPointer { first in
                try mixed.network.gradient(
                    SampleBatch(
                        count: 6, pixels: mixed.pixels.pointer, labels: first.baseAddress, mixed: labels,
                        softTargets: labels == nil ? UnsafePointer(dense.pointer) : nil),
                    at: mixed.weights, statistics: mixed.statistics, into: GradientSum(gradient),
                    gradientScale: 1 / 6, labelSmoothing: 0.1)
            }
            return (result.loss, gradient)
        }
        let expected = try gradient(nil)
        let result = try second.withUnsafeBufferPointer { second in
            try weights.withUnsafeBufferPointer { weights in
                try gradient(
                    MixedLabels(
                        labels: #require(second.baseAddress), weights: #require(weights.baseAddress)))
            }
        }
        #expect(abs(result.loss - expected.loss) < 1e-7 * expected.loss)
        #expect(relativeDifference(result.gradient, expected.gradient) < 1e-6)
    }

    @Test func `runs repeat to the bit`() throws {
        let check = try GradientCheck(input: [3, 8, 8], batch: 6) { residual($0, $1) }
        let first = try check.gradient(at: check.weights)
        let second = try check.gradient(at: check.weights)
        #expect(first.loss == second.loss)
        #expect(first.gradient.fingerprint() == second.gradient.fingerprint())
    }

    @Test func `running statistics move by the momentum towards the batch's, only where asked`() throws {
        let check = try GradientCheck(input: [1, 4, 4], batch: 6) { graph, x in
            let image = graph.convolution(x, "conv", outputs: 1, kernel: 1)
            return graph.flatten(graph.batchNormalization(image, "bn"), "flatten")
        }
        let scale = Double(check.weights[check.graph.parameterLayout["conv.weight"]!.offset])
        let values = check.pixels.array.map { Double($0) * scale }
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
        let before = check.statistics.array
        _ = try check.gradient(at: check.weights)
        #expect(check.statistics.array == before)
        try check.labels.withUnsafeBufferPointer { labels in
            _ = try check.network.gradient(
                SampleBatch(count: 6, pixels: check.pixels.pointer, labels: labels.baseAddress), at: check.weights,
                statistics: check.statistics, into: GradientSum(FlatVector(count: check.weights.count)),
                gradientScale: 1,
                updatesStatistics: true)
        }
        let meanOffset = check.graph.statisticsLayout["bn.running_mean"]!.offset
        let varianceOffset = check.graph.statisticsLayout["bn.running_var"]!.offset
        #expect(abs(Double(check.statistics[meanOffset]) - 0.1 * mean) < 1e-6)
        #expect(abs(Double(check.statistics[varianceOffset]) - (0.9 + 0.1 * variance)) < 1e-6)
    }

    @Test func `evaluation uses running statistics and counts correct predictions`() throws {
        let check = try GradientCheck(input: [2, 4, 4], batch: 8) { residual($0, $1) }
        let one = try check.labels.withUnsafeBufferPointer { labels in
            try (0..<8).map { sample in
                try check.network.evaluate(
                    SampleBatch(
                        count: 1, pixels: check.pixels.pointer + sample * 32,
                        labels: labels.baseAddress.map { $0 + sample }),
                    at: check.weights, statistics: check.statistics)
            }
        }
        let all = try check.labels.withUnsafeBufferPointer { labels in
            try check.network.evaluate(
                SampleBatch(count: 8, pixels: check.pixels.pointer, labels: labels.baseAddress), at: check.weights,
                statistics: check.statistics)
        }
        #expect(all.correct == one.reduce(0) { $0 + $1.correct })
        #expect(abs(all.lossSum - one.reduce(0) { $0 + $1.lossSum }) < 1e-4)
    }

    @Test func `LayerNorm's results do not live on between the passes`() throws {
        // Of eight normalized inputs of one linear layer each, only one or two are kept at a time.
        func arena(_ depth: Int) throws -> Int {
            let check = try GradientCheck(input: [3, 16, 16], batch: 8) { graph, x in
                var tokens = graph.tokenEmbedding(x, patch: 4, width: 64)
                for layer in 0..<depth {
                    let normalized = graph.layerNormalization(tokens, "norm\(layer)")
                    tokens = graph.add(graph.linear(normalized, "linear\(layer)", outputs: 64), tokens, "add\(layer)")
                }
                return graph.selectToken(tokens, "select", index: 0)
            }
            _ = try check.gradient(at: check.weights)
            return check.network.arenaBytes
        }
        let tokens = 8 * 17 * 64 * 4
        // The residual sum of each layer stays, and two numbers for each token.
        #expect(try arena(9) - arena(1) < 8 * tokens * 5 / 4)
    }

    @Test(arguments: [(side: 64, kept: 1.0), (side: 32, kept: 2.0)])
    func `BatchNorm's results live on between the passes unless they are large`(side: Int, kept: Double) throws {
        func arena(_ depth: Int) throws -> Int {
            let check = try GradientCheck(input: [3, side, side], batch: 2) { graph, x in
                var image = graph.convolution(x, "stem", outputs: 32, kernel: 1)
                for layer in 0..<depth {
                    image = graph.convolution(
                        graph.batchNormalization(image, "bn\(layer)", relu: true), "conv\(layer)", outputs: 32,
                        kernel: 1)
                }
                return graph.globalAveragePooling(image, "pool")
            }
            _ = try check.gradient(at: check.weights)
            return check.network.arenaBytes
        }
        let image = 2 * 32 * side * side * 4
        // One result of a convolution a layer, the normalized one where it is kept, and for ReLU a bit an element (a
        // byte on processors without AVX2, and so without bfloat16).
        let rest = Precision.bfloat16.support == .none ? 0.3 : 0.2
        let images = Double(try arena(9) - arena(1)) / Double(8 * image)
        #expect(images >= kept && images < kept + rest, "\(images)")
    }

    @Test func `the arena is smaller than the sum of its buffers`() throws {
        let check = try GradientCheck(input: [3, 32, 32], batch: 16) { residual($0, $1) }
        _ = try check.gradient(at: check.weights)
        // Six images of 16 channels must live through the backward pass; the rest shares memory.
        let image = 16 * 16 * 32 * 32 * 4
        #expect(check.network.arenaBytes < 9 * image)
        #expect(check.network.arenaBytes > 4 * image)
    }
}

/// Takes down what is called ready, and how it looked then.
private final class ReadyParts: GradientSink {
    let sum: FlatVector
    private(set) var parts: [(start: Int, values: [Float])] = []
    private(set) var evaluations: [Evaluation] = []
    /// Ranges and reports before the losses.
    private(set) var touchedBefore = 0

    init(count: Int) { sum = FlatVector(count: count) }

    func evaluated(_ result: Evaluation) { evaluations.append(result) }

    func accumulate(_ range: Range<Int>, _ values: UnsafePointer<Float>, scaledBy factor: Float, adding: Bool) {
        if evaluations.isEmpty { touchedBefore += 1 }
        sum.set(values, scaledBy: factor, in: range)
    }

    func ready(from start: Int) {
        if evaluations.isEmpty { touchedBefore += 1 }
        parts.append((start, Array(sum.array[start...])))
    }
}
