import Compute
import Models
import Testing
import Training
import Vectors

/// The catalog's networks in their published size and form, against what torchvision's, timm's and the papers' compute in
/// Double (`Tests/Goldens/full-size`).
///
/// Weights and pixels come from random streams that both sides have; of a gradient the file has the norm and projections
/// on random signs, whose mean square is that of the vector itself.
@Suite(.serialized) struct FullSizeGoldenTests {
    static let models = ["resnet18", "resnet50", "wrn28-10", "vit", "vit-s16", "vit-s32"]

    @Test(arguments: models, [ConvolutionPolicy.direct, .auto])
    func `logits are the published network's`(model: String, policy: ConvolutionPolicy) throws {
        let golden = try FullSizeGolden(model)
        let run = try golden.network(side: golden.sides[0], policy)
        let logits = FlatVector(count: golden.labels.count * run.network.graph.classCount)
        try golden.withBatch(side: golden.sides[0]) { batch in
            _ = try run.network.evaluate(batch, at: run.weights, statistics: run.statistics, logits: logits)
        }
        let expected = try golden.numbers("logits")
        let worst = zip(logits.array, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
        #expect(expected.count == logits.count && worst < 1e-4, "worst logit: \(worst)")
    }

    @Test(arguments: models, [ConvolutionPolicy.direct, .auto])
    func `loss and every gradient are the published network's`(model: String, policy: ConvolutionPolicy) throws {
        let golden = try FullSizeGolden(model)
        let run = try golden.network(side: golden.sides[1], policy)
        let gradient = FlatVector(count: run.weights.count)
        let loss = try golden.withBatch(side: golden.sides[1]) { batch in
            try run.network.gradient(
                batch, at: run.weights, statistics: run.statistics, into: GradientTarget(gradient),
                gradientScale: 1 / Float(batch.count)
            ).loss / Double(batch.count)
        }
        let expected = try golden.numbers("loss")[0]
        #expect(abs(loss - expected) < 1e-5 * expected)
        // Attention's key bias has no gradient but rounding: what is small in the whole is compared with the whole.
        let total = gradient.norm
        for entry in run.network.graph.parameterLayout.entries {
            let theirs = try golden.numbers("gradient/\(entry.name)")
            let ours = try golden.projections(of: entry.values(in: gradient), entry.name)
            let squares = zip(ours, theirs[1...]).map { ($0 - $1) * ($0 - $1) }
            let difference = (squares.reduce(0, +) / Double(squares.count)).squareRoot()
            #expect(difference < 1e-3 * theirs[0] + 1e-6 * total, "\(entry.name)")
        }
    }
}

private struct FullSizeGolden {
    /// Of the images for logits and for gradients.
    let sides: [Int]
    let labels: [Int32]
    private let model: String
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
        side: Int, _ policy: ConvolutionPolicy
    ) throws -> (network: Network, weights: FlatVector, statistics: FlatVector) {
        let classes = try ModelCatalog.entry(model).defaultClassCount
        let graph = try ModelCatalog.graph(model, inputShape: [3, side, side], classes: classes)
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
        return (try Network(graph, policy: policy), weights, statistics)
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
