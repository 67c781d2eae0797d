import Compute
import Testing
import Vectors

@Suite("Passes of a probe") struct ProbingTests {
    /// Every operation that has a kink, or that training computes in another way than evaluation.
    private static func network(_ graph: Graph, _ image: Value) -> Value {
        let stem = graph.convolution(image, "stem", outputs: 16, kernel: 3, padding: 1)
        let normalized = graph.batchNormalization(stem, "norm", relu: true)
        let pooled = graph.maxPooling(normalized, "pool", kernel: 3, stride: 2, padding: 1)
        let inner = graph.convolution(pooled, "inner", outputs: 16, kernel: 3, padding: 1)
        let plain = graph.relu(graph.batchNormalization(inner, "innerNorm"), "relu")
        let sum = graph.add(graph.dropout(plain, "dropout", rate: 0.5), pooled, "sum", relu: true)
        return graph.globalAveragePooling(sum, "average")
    }

    private static func check(batch: Int = 5) throws -> GradientCheck {
        let check = try GradientCheck(input: [3, 12, 12], batch: batch, seed: 3, network)
        var stream = RandomStream(seed: 3, purpose: .test, index: 7)
        for entry in check.graph.statisticsLayout.entries {
            let isMean = entry.name.hasSuffix("mean")
            for index in entry.range {
                check.statistics[index] = isMean ? 0.3 * stream.normal() : 0.5 + stream.uniform()
            }
        }
        return check
    }

    @Test("the loss is evaluation's, and statistics stay")
    func theLossIsEvaluations() throws {
        let check = try Self.check()
        let before = check.statistics.elements.map { $0 }
        let evaluated = try check.labels.withUnsafeBufferPointer {
            try check.network.evaluate(
                SampleBatch(count: $0.count, pixels: check.pixels.pointer, labels: $0.baseAddress),
                at: check.weights, statistics: check.statistics)
        }
        let gradient = FlatVector(count: check.weights.count)
        let probed = try check.probe(at: check.weights, Kinks(), keepsKinks: false, gradient: gradient)
        #expect(abs(probed.loss - evaluated.loss) <= 1e-6 * evaluated.loss)
        #expect(probed.correct == evaluated.correct)
        #expect(check.statistics.elements.map { $0 } == before)
    }

    @Test("where kinks are kept, the gradient is that of the piece, also far from where they were seen")
    func keptKinksMakeTheLossSmooth() throws {
        let check = try Self.check()
        let kinks = Kinks()
        let seen = FlatVector(count: check.weights.count)
        let first = try check.probe(at: check.weights, kinks, keepsKinks: false, gradient: seen)
        let kept = FlatVector(count: check.weights.count)
        let again = try check.probe(at: check.weights, kinks, keepsKinks: true, gradient: kept)
        #expect(first == again)
        #expect(seen.elements.elementsEqual(kept.elements))

        // Far enough for many ReLUs to change sides.
        var stream = RandomStream(seed: 9, purpose: .test)
        let far = FlatVector(count: check.weights.count)
        for entry in check.graph.parameterLayout.entries {
            for index in entry.range { far[index] = check.weights[index] + 0.2 * stream.normal() }
        }
        let other = try check.probe(at: far, Kinks(), keepsKinks: false)
        let piece = try check.probe(at: far, kinks, keepsKinks: true, gradient: kept)
        #expect(abs(piece.loss - other.loss) > 1e-3, "no ReLU changed sides")
        let moved = FlatVector(count: far.count)
        for (position, entry) in check.graph.parameterLayout.entries.enumerated() {
            var stream = RandomStream(seed: 5, purpose: .test, index: 100 + position)
            let direction = FlatVector(count: far.count)
            for index in entry.range { direction[index] = stream.normal() }
            direction.scale(by: Float(1 / direction.norm))
            let losses = try [3e-3, -3e-3].map { (step: Float) in
                moved.setSum(far, direction, scaledBy: step)
                return try check.probe(at: moved, kinks, keepsKinks: true).loss
            }
            let derivative = kept.dot(direction)
            let difference = (losses[0] - losses[1]) / 6e-3
            #expect(
                abs(difference - derivative) <= 1e-3 * max(abs(derivative), 0.2 * kept.norm),
                "\(entry.name): central difference \(difference), gradient \(derivative)")
        }
    }

    @Test("kinks are those of each sample, whatever other batch sizes came between")
    func kinksBelongToTheirSamples() throws {
        let check = try Self.check()
        let kinks = Kinks()
        let loss = try check.probe(at: check.weights, kinks, keepsKinks: false)
        _ = try check.labels.withUnsafeBufferPointer {
            try check.network.probe(
                SampleBatch(count: 2, pixels: check.pixels.pointer, labels: $0.baseAddress), at: check.weights,
                statistics: check.statistics, Kinks(), keepsKinks: false)
        }
        #expect(try check.probe(at: check.weights, kinks, keepsKinks: true) == loss)
    }
}
