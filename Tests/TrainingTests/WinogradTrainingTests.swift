import Compute
import Models
import Objectives
import Optimizers
import Testing
import Training
import Vectors

/// Training with Winograd's algorithm. The networks of ``GoldenTests`` are too small for it; here one of more channels
/// trains with it and with direct convolutions, which the goldens hold to PyTorch.
@Suite(.serialized, .enabled(if: ConvolutionPolicy.hasWinograd, "Winograd's algorithm needs AVX2"))
struct WinogradTrainingTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let method: String
        let optimizer: String
        let policy: ConvolutionPolicy
        var testDescription: String { "\(method), \(optimizer), \(policy)" }
    }

    static let cases = ["sgd", "sam", "crsam-linear", "crsam-log"].flatMap { method in
        ["sgd", "adamw"].flatMap { optimizer in
            [ConvolutionPolicy.auto, .winograd].map { Case(method: method, optimizer: optimizer, policy: $0) }
        }
    }

    @Test(arguments: cases)
    func `ten steps with Winograd's algorithm are those with direct convolutions`(test: Case) throws {
        let (methodName, optimizerName) = (test.method, test.optimizer)
        let method = try #require(GoldenTests.methods.first { $0.name == methodName }).method
        let runs = try [test.policy, .direct].map { policy in
            let run = try SmoothNetwork(policy)
            let rule = try method.makeRule(parameterCount: run.weights.count)
            let optimizer: any Optimizer =
                optimizerName == "sgd"
                ? try SGD(parameterCount: run.weights.count, momentum: 0.9, weightDecay: 5e-4)
                : try AdamW(parameterCount: run.weights.count, weightDecay: 0.05)
            let gradient = FlatVector(count: run.weights.count)
            let losses = try (0..<10).map { step in
                run.batch = step
                let terms = try rule.evaluate(run, at: run.weights, into: GradientSum(gradient))
                optimizer.update(
                    run.weights, gradient: gradient, learningRate: optimizerName == "sgd" ? 0.01 : 1e-3)
                return terms.loss
            }
            return (run: run, losses: losses)
        }
        let winograd = try runs.map { try $0.run.winogradLabels() }
        for direction in ["forward", "backward data", "backward weights"] {
            #expect(winograd[0].contains { $0.hasSuffix(direction) }, "\(direction)")
        }
        #expect(winograd[1] == [])
        let worst = zip(runs[0].losses, runs[1].losses).map { abs($0 - $1) / $1 }.max() ?? .infinity
        // Measured: losses 3.3e-7, weights 2.8e-5 and statistics 3.9e-5 in AdamW's log form, which magnifies rounding
        // twice, else 7e-8, 2.8e-6 and 1.5e-6.
        let magnified: Double = methodName == "crsam-log" && optimizerName == "adamw" ? 10 : 1
        #expect(worst < 5e-7 * magnified, "losses: \(worst)")
        func difference(_ a: FlatVector, _ b: FlatVector) -> Double {
            let difference = FlatVector(count: a.count)
            difference.setSum(a, b, scaledBy: -1)
            return difference.norm / b.norm
        }
        let weights = difference(runs[0].run.weights, runs[1].run.weights)
        let statistics = difference(runs[0].run.statistics, runs[1].run.statistics)
        #expect(weights > 0 && weights < 2e-5 * magnified, "weights: \(weights)")
        #expect(statistics < 2e-5 * magnified, "running statistics: \(statistics)")
    }
}

/// Three convolutions, BatchNorm and a residual sum, and ten batches of noise. GELU in ReLU's place: rounding flips
/// none.
private final class SmoothNetwork: GroupedObjective {
    let weights: FlatVector
    let statistics: FlatVector
    var batch = 0
    private let network: Network
    private let images: FlatVector
    private let labels: [Int32]
    private static let (samples, side, classes) = (16, 12, 10)
    private static let pixels = samples * 3 * side * side

    init(_ policy: ConvolutionPolicy) throws {
        ComputeThreads.set(1)
        let graph = Graph(inputShape: [3, Self.side, Self.side])
        func layer(_ input: Value, _ index: Int, outputs: Int) -> Value {
            let image = graph.convolution(input, "conv\(index)", outputs: outputs, kernel: 3, padding: 1)
            return graph.gelu(graph.batchNormalization(image, "bn\(index)"), "gelu\(index)")
        }
        let stem = layer(graph.inputValue, 1, outputs: 32)
        let sum = graph.add(layer(stem, 2, outputs: 32), stem, "add")
        let pooled = graph.globalAveragePooling(layer(sum, 3, outputs: 64), "pool")
        graph.setLogits(graph.linear(pooled, "fc", outputs: Self.classes))
        network = try Network(graph, policy: policy)
        weights = FlatVector(count: graph.parameterLayout.vectorCount)
        statistics = FlatVector(count: graph.statisticsLayout.vectorCount)
        graph.initialize(weights: weights, statistics: statistics, seed: 1)
        var stream = RandomStream(seed: 1, purpose: .test)
        images = FlatVector((0..<10 * Self.pixels).map { _ in stream.normal() })
        labels = (0..<10 * Self.samples).map { _ in Int32(stream.integer(below: Self.classes)) }
    }

    func winogradLabels() throws -> [String] {
        try network.program(batch: Self.samples, .training).winogradLabels
    }

    var parameterCount: Int { weights.count }

    func evaluate(group: Int, pass: Pass, at point: FlatVector, into sink: any GradientSink) throws -> Evaluation {
        try labels.withUnsafeBufferPointer { labels in
            try network.gradient(
                SampleBatch(
                    count: Self.samples, pixels: images.pointer + batch * Self.pixels,
                    labels: labels.baseAddress.map { $0 + batch * Self.samples }),
                at: point, statistics: statistics, into: sink, gradientScale: 1 / Float(Self.samples),
                updatesStatistics: pass == .clean)
        }
    }
}
