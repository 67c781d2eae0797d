import Compute
import Testing
import Vectors

/// Every operation's gradient against central differences. Operations without parameters stand behind one with
/// parameters, so that their gradient with respect to their input is what is tested.
@Suite(.serialized) struct OperationGradientTests {
    struct ConvolutionCase: Sendable, CustomTestStringConvertible {
        /// Of the image in front of the input; nil for as many as the input has. Between 32 channels and 32, the 1x1
        /// convolution's result is one that oneDNN's Winograd does not take.
        var pixelChannels: Int?
        var input = [3, 9, 9]
        var outputs = 16
        var kernel = 3
        var stride = 1
        var padding = 1
        var bias = false
        var batch = 4
        var policy = ConvolutionPolicy.direct
        var testDescription: String {
            "\(input) to \(outputs), kernel \(kernel), stride \(stride), padding \(padding), bias \(bias), \(policy)"
        }
    }

    @Test(arguments: [
        ConvolutionCase(), ConvolutionCase(input: [1, 8, 8], outputs: 8, bias: true),
        ConvolutionCase(input: [16, 8, 8], outputs: 32, stride: 2),
        ConvolutionCase(input: [5, 7, 6], outputs: 7, kernel: 1, stride: 2, padding: 0, bias: true),
        ConvolutionCase(input: [32, 6, 6], outputs: 16, kernel: 5, padding: 2),
        // Winograd's in all directions; of the second's tiles some hang over the edge, the last has few.
        ConvolutionCase(pixelChannels: 3, input: [32, 8, 8], outputs: 64, batch: 16, policy: .auto),
        ConvolutionCase(pixelChannels: 3, input: [64, 11, 13], outputs: 32, bias: true, batch: 8, policy: .auto),
        ConvolutionCase(pixelChannels: 3, input: [32, 8, 8], outputs: 64, batch: 16, policy: .winograd),
        ConvolutionCase(pixelChannels: 3, input: [64, 11, 13], outputs: 32, bias: true, batch: 8, policy: .winograd),
        ConvolutionCase(pixelChannels: 3, input: [16, 7, 5], outputs: 48, bias: true, batch: 1, policy: .winograd),
    ])
    func `convolution`(test: ConvolutionCase) throws {
        let pixels = [test.pixelChannels ?? test.input[0]] + test.input[1...]
        let check = try GradientCheck(input: pixels, batch: test.batch, policy: test.policy) { graph, x in
            // A 1x1 convolution in front, so that the one tested must give its input a gradient.
            let first = graph.convolution(x, "first", outputs: test.input[0], kernel: 1, bias: true)
            let second = graph.convolution(
                first, "tested", outputs: test.outputs, kernel: test.kernel, stride: test.stride, padding: test.padding,
                bias: test.bias)
            return graph.flatten(second, "flatten")
        }
        try check.expectGradientMatchesCentralDifferences()
        let isWinograd = test.policy != .direct && ConvolutionPolicy.hasWinograd
        #expect(
            try check.winogradLabels()
                == (isWinograd ? ["tested backward data", "tested backward weights", "tested forward"] : []))
    }

    /// Without AVX-512 oneDNN has but a reference kernel for the weights' gradient of few channels in plain order.
    /// Nine images are two parts of ours.
    @Test(arguments: [1, 2, 3, 4], [(3, true), (3, false), (7, true), (7, false)])
    func `convolution of pixels`(channels: Int, form: (kernel: Int, bias: Bool)) throws {
        let kernel = form.kernel
        let check = try GradientCheck(input: [channels, 9, 11], batch: 9) { graph, x in
            let first = graph.convolution(
                x, "tested", outputs: 32, kernel: kernel, stride: kernel / 3, padding: kernel / 2, bias: form.bias)
            return graph.flatten(graph.convolution(first, "second", outputs: 32, kernel: 3, stride: 2), "flatten")
        }
        try check.expectGradientMatchesCentralDifferences()
        if Precision.bfloat16.support == .none {
            #expect(try check.network.forecast(batch: 64, .training).slowKernels == nil)
        }
    }

    /// Eight results of one channel: the least that oneDNN 2 has no kernel of AVX2 for.
    @Test func `a reference kernel is marked as one in plans and breakdowns`() throws {
        let check = try GradientCheck(input: [1, 8, 8], batch: 4) { graph, x in
            graph.flatten(graph.convolution(x, "tested", outputs: 8, kernel: 3, bias: true), "flatten")
        }
        let plan = try check.network.plan(batch: 4, .training)
        for instruction in plan {
            #expect(instruction.kind.hasSuffix("(reference)") == instruction.work.isReference, "\(instruction)")
        }
        if Network.instructionSet.hasPrefix("avx2 "), Network.libraryName.hasPrefix("oneDNN 2.") {
            #expect(plan.contains { $0.kind == "convolution backward weights (reference)" })
        }
    }

    @Test(arguments: [(16, 32, 2), (8, 16, 2), (3, 3, 1), (16, 20, 1)])
    func `padded shortcut`(inputs: Int, outputs: Int, stride: Int) throws {
        let check = try GradientCheck(input: [3, 8, 8], batch: 3) { graph, x in
            let first = graph.convolution(x, "first", outputs: inputs, kernel: 3, padding: 1)
            return graph.flatten(graph.paddedShortcut(first, "shortcut", outputs: outputs, stride: stride), "flatten")
        }
        try check.expectGradientMatchesCentralDifferences()
    }

    /// Channels that fill blocks of 8 and 16, and some that do not: row-major, too, where the term is pixels.
    @Test(arguments: [(16, 32), (8, 24), (17, 19), (5, 40), (11, 11), (3, 7)])
    func `padded addition`(channels: Int, outputs: Int) throws {
        let check = try GradientCheck(input: [3, 6, 6], batch: 3) { graph, x in
            let part = graph.convolution(x, "part", outputs: channels, kernel: 3, padding: 1, bias: true)
            let whole = graph.convolution(part, "whole", outputs: outputs, kernel: 3, padding: 1, bias: true)
            let sum = graph.addPadded(whole, part, "sum")
            return graph.flatten(graph.addPadded(sum, x, "pixels"), "flatten")
        }
        try check.expectGradientMatchesCentralDifferences(tolerance: 1e-2)
    }

    @Test(arguments: [(16, true), (16, false), (10, true), (8, true), (3, false)])
    func `batch normalization`(channels: Int, relu: Bool) throws {
        let check = try GradientCheck(input: [2, 6, 6], batch: 8) { graph, x in
            let first = graph.convolution(x, "first", outputs: channels, kernel: 3, padding: 1, bias: true)
            let normalized = graph.batchNormalization(first, "tested", relu: relu)
            let second = graph.convolution(normalized, "second", outputs: 8, kernel: 3)
            return graph.flatten(second, "flatten")
        }
        try check.expectGradientMatchesCentralDifferences(tolerance: 1e-2)
    }

    @Test(arguments: [true, false]) func `large batch normalization, computed again for two layers`(relu: Bool) throws {
        let check = try GradientCheck(input: [3, 64, 64], batch: 2) { graph, x in
            let first = graph.convolution(x, "first", outputs: 32, kernel: 1)
            let normalized = graph.batchNormalization(first, "tested", relu: relu)
            let one = graph.convolution(normalized, "one", outputs: 16, kernel: 1, stride: 2)
            let other = graph.convolution(normalized, "other", outputs: 16, kernel: 3, stride: 2, padding: 1)
            let pooled = graph.averagePooling(graph.add(one, other, "sum"), "pool", kernel: 8, stride: 8)
            return graph.flatten(pooled, "flatten")
        }
        try check.expectGradientMatchesCentralDifferences(tolerance: 1e-2)
    }

    @Test(arguments: [true, false], [16, 6])
    func `residual addition, alone and with ReLU`(relu: Bool, channels: Int) throws {
        let check = try GradientCheck(input: [3, 6, 6], batch: 4) { graph, x in
            let trunk = graph.convolution(x, "trunk", outputs: channels, kernel: 3, padding: 1, bias: true)
            let branch = graph.convolution(trunk, "branch", outputs: channels, kernel: 3, padding: 1, bias: true)
            let sum = graph.add(branch, trunk, "sum", relu: relu)
            let again = graph.add(sum, trunk, "again")
            return graph.flatten(graph.add(again, again, "twice"), "flatten")
        }
        try check.expectGradientMatchesCentralDifferences(tolerance: 1e-2)
    }

    @Test(arguments: [16, 5]) func `ReLU and GELU on images`(channels: Int) throws {
        let check = try GradientCheck(input: [3, 5, 5], batch: 4) { graph, x in
            let first = graph.convolution(x, "first", outputs: channels, kernel: 3, padding: 1, bias: true)
            let second = graph.convolution(
                graph.relu(first, "relu"), "second", outputs: channels, kernel: 1, bias: true)
            return graph.flatten(graph.gelu(second, "gelu"), "flatten")
        }
        try check.expectGradientMatchesCentralDifferences(tolerance: 1e-2)
    }

    @Test(arguments: [(3, 2, 1), (2, 2, 0), (3, 3, 0)])
    func `max and average pooling`(kernel: Int, stride: Int, padding: Int) throws {
        let check = try GradientCheck(input: [3, 9, 9], batch: 3) { graph, x in
            let first = graph.convolution(x, "first", outputs: 16, kernel: 3, padding: 1, bias: true)
            let largest = graph.maxPooling(first, "max", kernel: kernel, stride: stride, padding: padding)
            let mean = graph.averagePooling(first, "mean", kernel: kernel, stride: stride, padding: padding)
            return graph.globalAveragePooling(graph.add(largest, mean, "sum"), "global")
        }
        try check.expectGradientMatchesCentralDifferences(tolerance: 1e-2)
    }

    @Test(arguments: [(7, 11), (16, 32), (64, 3)]) func `linear on features and tokens`(width: Int, hidden: Int) throws
    {
        let check = try GradientCheck(input: [1, 8, 8], batch: 5) { graph, x in
            let tokens = graph.tokenEmbedding(x, patch: 4, width: width)
            let wide = graph.gelu(graph.linear(tokens, "wide", outputs: hidden), "gelu")
            let narrow = graph.linear(wide, "narrow", outputs: width)
            return graph.linear(graph.selectToken(narrow, "select", index: 2), "features", outputs: 6)
        }
        try check.expectGradientMatchesCentralDifferences()
    }

    @Test(arguments: [(8, TokenPositions.learned), (16, .sineCosine)])
    func `mean of tokens without a class token, and tanh`(width: Int, positions: TokenPositions) throws {
        let check = try GradientCheck(input: [2, 8, 12], batch: 3) { graph, x in
            let tokens = graph.tokenEmbedding(x, patch: 4, width: width, classToken: false, positions: positions)
            let bent = graph.tanh(graph.linear(tokens, "bent", outputs: 10), "tanh")
            return graph.linear(graph.tokenMean(bent, "mean"), "features", outputs: 6)
        }
        #expect(check.network.graph.parameterLayout["cls_token"] == nil)
        #expect((check.network.graph.parameterLayout["pos_embed"] == nil) == (positions == .sineCosine))
        try check.expectGradientMatchesCentralDifferences()
    }

    /// Of rows that are whole vectors, and not; of 20 and of 320, which are two parts.
    @Test(arguments: [(8, 4), (24, 4), (33, 4), (48, 64)]) func `layer normalization`(width: Int, batch: Int) throws {
        let check = try GradientCheck(input: [2, 8, 8], batch: batch) { graph, x in
            let tokens = graph.tokenEmbedding(x, patch: 4, width: width)
            let normalized = graph.layerNormalization(tokens, "norm")
            return graph.selectToken(graph.linear(normalized, "mix", outputs: 9), "select", index: 0)
        }
        // The class token alone passes through here: the other tokens' positions get a gradient of zero.
        try check.expectGradientMatchesCentralDifferences(tolerance: 1e-2)
    }

    @Test(arguments: [(12, 1), (24, 3), (32, 2), (64, 1)]) func `multi-head attention`(width: Int, heads: Int) throws {
        let check = try GradientCheck(input: [3, 12, 12], batch: 3) { graph, x in
            let tokens = graph.tokenEmbedding(x, patch: 4, width: width)
            let mixed = graph.attention(tokens, "attn", heads: heads, weights: .normal(0.3))
            return graph.selectToken(graph.add(mixed, tokens, "residual"), "select", index: 0)
        }
        try check.expectGradientMatchesCentralDifferences(tolerance: 1e-2)
    }

    /// The other way to compute one token's attention is to compute all tokens' and to discard the others.
    @Test(arguments: [0, 4]) func `one token that asks gets what it would get among all`(index: Int) throws {
        let checks = try [true, false].map { asksAlone in
            try GradientCheck(input: [3, 12, 12], batch: 3) { graph, x in
                let tokens = graph.tokenEmbedding(x, patch: 4, width: 24)
                let normalized = graph.layerNormalization(tokens, "norm")
                let asking = asksAlone ? graph.selectToken(normalized, "asking", index: index) : normalized
                let mixed = graph.attention(normalized, queries: asking, "attn", heads: 3, weights: .normal(0.3))
                return graph.add(
                    asksAlone ? mixed : graph.selectToken(mixed, "select", index: index),
                    graph.selectToken(tokens, "residual token", index: index), "residual")
            }
        }
        try checks[0].expectGradientMatchesCentralDifferences(tolerance: 1e-2)
        let results = try checks.map { try $0.gradient(at: $0.weights) }
        #expect(abs(results[0].loss - results[1].loss) < 1e-6)
        #expect(relativeDifference(results[0].gradient, results[1].gradient) < 1e-5)
    }

    @Test func `queries of their own make attention between two sets of tokens`() throws {
        let check = try GradientCheck(input: [3, 12, 12], batch: 2) { graph, x in
            let tokens = graph.tokenEmbedding(x, patch: 4, width: 16)
            let asking = graph.gelu(graph.linear(tokens, "asking", outputs: 16), "gelu")
            let mixed = graph.attention(tokens, queries: asking, "attn", heads: 2, weights: .normal(0.3))
            return graph.selectToken(mixed, "select", index: 3)
        }
        try check.expectGradientMatchesCentralDifferences(tolerance: 1e-2)
    }

    @Test func `dropout and stochastic depth keep their masks from pass to pass`() throws {
        let check = try GradientCheck(input: [3, 8, 8], batch: 6) { graph, x in
            let tokens = graph.tokenEmbedding(x, patch: 4, width: 16)
            let branch = graph.dropout(graph.linear(tokens, "branch", outputs: 16), "drop", rate: 0.3)
            let sum = graph.add(graph.stochasticDepth(branch, "depth", rate: 0.5), tokens, "sum")
            return graph.selectToken(sum, "select", index: 1)
        }
        try check.expectGradientMatchesCentralDifferences()
        let (first, second) = (try check.gradient(at: check.weights).loss, try check.gradient(at: check.weights).loss)
        #expect(first == second)
    }

    @Test func `label smoothing and soft targets`() throws {
        var check = try GradientCheck(input: [1, 4, 4], batch: 6) { graph, x in graph.flatten(x, "flatten") }
        check.labelSmoothing = 0.1
        try check.expectGradientMatchesCentralDifferences()
        var stream = RandomStream(seed: 3, purpose: .test)
        let targets = FlatVector(count: 6 * 5)
        for sample in 0..<6 {
            let row = (0..<5).map { _ in stream.uniform() }
            for (index, value) in row.enumerated() { targets[sample * 5 + index] = value / row.reduce(0, +) }
        }
        check.softTargets = targets
        try check.expectGradientMatchesCentralDifferences()
    }
}
