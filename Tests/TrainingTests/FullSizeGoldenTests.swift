import Compute
import Models
import Objectives
import TensorFiles
import Testing
import Training
import Vectors

/// The catalog's networks in their published size and form, against what torchvision's, timm's and the papers' compute
/// in Double (`Tests/Goldens/full-size`).
///
/// Weights and pixels come from random streams that both sides have; of a gradient the file has the norm and
/// projections on random signs, whose mean square is that of the vector itself.
@Suite(.serialized) struct FullSizeGoldenTests {
    /// He et al.'s small networks are held by runs of theirs (`GoldenTests`).
    static let models = modelCatalog.names.filter { !["resnet8", "resnet20", "resnet32", "resnet56"].contains($0) }

    /// Every way to compute convolutions in one network of each kind.
    static let cases: [(String, ConvolutionPolicy)] = models.flatMap { model in
        let isThorough = ["resnet18", "resnet50", "wrn28-10"].contains(model)
        return (isThorough ? ConvolutionPolicy.allCases : [.auto]).map { (model, $0) }
    }

    struct BFloat16Case: Sendable, CustomTestStringConvertible {
        let model: String
        let policy: ConvolutionPolicy
        /// Relative, in norm.
        let logits: Double
        let loss: Double
        let matrices: Double
        let vectors: Double
        var testDescription: String { "\(model), \(policy)" }
    }

    /// Winograd's algorithm in float32 between layers in bfloat16, bfloat16 throughout, and attention.
    ///
    /// Bounds are two to three times what was measured (above each: logits, loss, matrices, vectors), except for
    /// ResNet-18's loss with Winograd's algorithm, whose errors happen to cancel: direct convolutions' bound is its
    /// too. A rounding to bfloat16 is 2⁻⁹ at most; logits are off by a few of them. The gradients of a ResNet pass
    /// ReLUs that rounding flips, and those of its BatchNorms' shifts are sums over all pixels whose terms cancel: 0.34
    /// of what is left, where 1 would be no gradient at all.
    static let bfloat16Cases = [
        // 1.9e-3, 2.4e-5; 6.7e-2, 0.32
        BFloat16Case(model: "resnet18", policy: .auto, logits: 5e-3, loss: 4e-4, matrices: 0.15, vectors: 0.7),
        // 2.4e-3, 1.4e-4; 7.3e-2, 0.34
        BFloat16Case(model: "resnet18", policy: .direct, logits: 5e-3, loss: 4e-4, matrices: 0.15, vectors: 0.7),
        // 9.1e-3, 7.9e-4; 2.4e-2, 2.5e-2
        BFloat16Case(model: "vit", policy: .auto, logits: 2e-2, loss: 2e-3, matrices: 0.05, vectors: 0.05),
        // 1.2e-2, 1.6e-4; 2.2e-2, 2.1e-2
        BFloat16Case(model: "vit-s32", policy: .auto, logits: 2.5e-2, loss: 4e-4, matrices: 0.05, vectors: 0.05),
    ]

    @Test(arguments: cases)
    func `logits are the published network's`(model: String, policy: ConvolutionPolicy) throws {
        let golden = try FullSizeGolden(model)
        let (logits, expected) = try logits(golden, policy, .float32)
        let worst = zip(logits, expected).map { abs($0 - $1) }.max() ?? .infinity
        #expect(expected.count == logits.count && worst < 1e-4, "worst logit: \(worst)")
    }

    @Test(arguments: cases)
    func `loss and every gradient are the published network's`(model: String, policy: ConvolutionPolicy) throws {
        try checkGradients(
            FullSizeGolden(model), policy, .float32, loss: 1e-5, matrices: 1e-3, vectors: 1e-3, negligible: 1e-6)
    }

    @Test(.enabled(if: hasBFloat16, needsBFloat16), arguments: bfloat16Cases)
    func `in bfloat16, logits are the published network's`(test: BFloat16Case) throws {
        let (logits, expected) = try logits(FullSizeGolden(test.model), test.policy, .bfloat16)
        func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let difference = norm(zip(logits, expected).map { $0 - $1 }) / norm(expected)
        // Not equal: the precision does something.
        #expect(expected.count == logits.count && difference > 1e-4 && difference < test.logits, "\(difference)")
    }

    @Test(.enabled(if: hasBFloat16, needsBFloat16), arguments: bfloat16Cases)
    func `in bfloat16, loss and every gradient are the published network's`(test: BFloat16Case) throws {
        let worst = try checkGradients(
            FullSizeGolden(test.model), test.policy, .bfloat16, loss: test.loss, matrices: test.matrices,
            vectors: test.vectors, negligible: 1e-7)
        #expect(worst > 5e-3, "gradients are float32's")
    }

    private func logits(
        _ golden: FullSizeGolden, _ policy: ConvolutionPolicy, _ precision: Precision
    ) throws -> (result: [Double], expected: [Double]) {
        let run = try golden.network(side: golden.sides[0], policy, precision)
        let logits = FlatVector(count: golden.labels.count * run.network.graph.classCount)
        try golden.withBatch(side: golden.sides[0]) { batch in
            _ = try run.network.evaluate(batch, at: run.weights, statistics: run.statistics, logits: logits)
        }
        return (logits.array.map(Double.init), try golden.numbers("logits"))
    }

    /// - Parameters:
    ///   - loss: relative, as are the gradients' bounds, of each parameter's norm.
    ///   - vectors: of normalizations' parameters and biases; `matrices` is of all others.
    ///   - negligible: what of the whole gradient's norm is let pass in each parameter's.
    /// - Returns: the largest difference of a gradient.
    @discardableResult private func checkGradients(
        _ golden: FullSizeGolden, _ policy: ConvolutionPolicy, _ precision: Precision, loss lossBound: Double,
        matrices: Double, vectors: Double, negligible: Double
    ) throws -> Double {
        let run = try golden.network(side: golden.sides[1], policy, precision)
        let gradient = FlatVector(count: run.weights.count)
        let loss = try golden.withBatch(side: golden.sides[1]) { batch in
            try run.network.gradient(
                batch, at: run.weights, statistics: run.statistics, into: GradientSum(gradient),
                gradientScale: 1 / Float(batch.count)
            ).loss
        }
        let expected = try golden.numbers("loss")[0]
        #expect(abs(loss - expected) < lossBound * expected, "loss: \(loss), not \(expected)")
        // Attention's key bias has no gradient but rounding: what is small in the whole is compared with the whole.
        let total = gradient.norm
        var worst = 0.0
        for entry in run.network.graph.parameterLayout.entries {
            let reference = try golden.numbers("gradient/\(entry.name)")
            let result = try golden.projections(of: entry.values(in: gradient), entry.name)
            let squares = zip(result, reference[1...]).map { ($0 - $1) * ($0 - $1) }
            let difference = (squares.reduce(0, +) / Double(squares.count)).squareRoot()
            let bound = (entry.shape.count > 1 ? matrices : vectors) * reference[0] + negligible * total
            #expect(difference < bound, "\(entry.name): \(difference), not below \(bound)")
            worst = max(worst, difference / reference[0])
        }
        // What was compared is what the policy says: of convolutions some in each direction by Winograd's algorithm, or
        // none.
        let winograd = try run.network.program(batch: golden.labels.count, .training).winogradLabels
        // Matrix units do bfloat16's products faster than Winograd's algorithm float32's.
        let expectsWinograd =
            policy != .direct && !golden.model.hasPrefix("vit") && ConvolutionPolicy.hasWinograd
            && (precision == .float32 || policy == .winograd || !Precision.hasMatrixUnits)
        for direction in ["forward", "backward data", "backward weights"] {
            #expect(winograd.contains { $0.hasSuffix(direction) } == expectsWinograd, "\(direction)")
        }
        return worst
    }
}

private struct FullSizeGolden {
    /// Of the images for logits and for gradients.
    let sides: [Int]
    let labels: [Int32]
    let model: String
    private let file: SafeTensorsFile
    private let seed: UInt64
    private static let (pixels, signs) = (1 << 20, 1 << 21)
    private static let projections = 16

    init(_ model: String) throws {
        ComputeThreads.set(1)
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        let path = (folder + ["Goldens", "full-size", "\(model).safetensors"]).joined(separator: "/")
        let file = try SafeTensorsFile(path)
        func integers(_ name: String) throws -> [Int] {
            guard case .int64(let values) = try file.read(try #require(file[name])).values else { return [] }
            return values
        }
        self.model = model
        self.file = file
        seed = UInt64(try #require(try integers("seed").first))
        sides = try integers("sides")
        labels = try integers("labels").map { Int32($0) }
    }

    func numbers(_ name: String) throws -> [Double] {
        guard case .float64(let values) = try file.read(try #require(file[name], "\(name)")).values else { return [] }
        return values
    }

    /// The network for square images, its weights and running statistics.
    func network(
        side: Int, _ policy: ConvolutionPolicy, _ precision: Precision
    ) throws -> (network: Network, weights: FlatVector, statistics: FlatVector) {
        let classes = try modelCatalog.entry(model).defaultClassCount
        let graph = try modelCatalog.entry(model).graph(inputShape: [3, side, side], classes: classes)
        let weights = FlatVector(count: graph.parameterLayout.vectorCount)
        let statistics = FlatVector(count: graph.statisticsLayout.vectorCount)
        for (layout, vector) in [(graph.parameterLayout, weights), (graph.statisticsLayout, statistics)] {
            for entry in layout.entries {
                let fill = try numbers("fill/\(entry.name)")
                entry.setValues(in: vector) {
                    self.fill($0, index: Int(fill[0]), base: Float(fill[1]), spread: Float(fill[2]))
                }
            }
        }
        return (try Network(graph, policy: policy, precision: precision), weights, statistics)
    }

    func withBatch<Result>(side: Int, _ body: (SampleBatch) throws -> Result) rethrows -> Result {
        let images = FlatVector(count: labels.count * 3 * side * side)
        fill(images, index: Self.pixels, base: 0, spread: 2)
        return try withExtendedLifetime(images) {
            try labels.withUnsafeBufferPointer { labels in
                try body(SampleBatch(count: labels.count, pixels: images.pointer, labels: labels.baseAddress))
            }
        }
    }

    /// Σ ±x for draws of signs: the bits of one word an element.
    func projections(of x: FlatVector, _ name: String) throws -> [Double] {
        var stream = RandomStream(seed: seed, purpose: .test, index: Self.signs + Int(try numbers("fill/\(name)")[0]))
        var sums = [Double](repeating: 0, count: Self.projections)
        for value in x.elements {
            let bits = stream.nextWord()
            for index in sums.indices { sums[index] += bits >> UInt32(index) & 1 == 1 ? Double(value) : -Double(value) }
        }
        return sums
    }

    /// base + spread·u, u uniform on [−1, 1).
    private func fill(_ vector: FlatVector, index: Int, base: Float, spread: Float) {
        var stream = RandomStream(seed: seed, purpose: .test, index: index)
        for position in 0..<vector.count { vector[position] = base + spread * (2 * stream.uniform() - 1) }
    }
}
