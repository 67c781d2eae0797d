import Compute
import Models
import Optimizers
import Testing
import Training
import Vectors

/// What PyTorch computed for three small networks (`Tests/Goldens`), against what this project computes.
@Suite(.serialized) struct GoldenTests {
    static let models = ["resnet8", "resnet18-form", "vit"]
    static let methods: [(name: String, method: Method)] = [
        ("sgd", .plain), ("sam", .sam(perturbationRadius: 0.1)),
        (
            "crsam-linear",
            .crsam(perturbationRadius: 0.1, traceWeight: 0.1, normWeight: 0.01, regularizer: .linear)
        ),
        ("crsam-log", .crsam(perturbationRadius: 0.1, traceWeight: 0.1, normWeight: 0.01, regularizer: .log)),
    ]

    @Test(arguments: models, [ConvolutionPolicy.direct, .auto])
    func `loss, gradients and running statistics of the first batch are PyTorch's`(
        model: String, policy: ConvolutionPolicy
    ) throws {
        let golden = try Golden(model, policy)
        let gradient = FlatVector(count: golden.weights.count)
        let loss = try golden.evaluate(group: 0, pass: .clean, at: golden.weights, into: GradientTarget(gradient)).loss
        let expected = try golden.numbers("hard/loss")[0]
        #expect(abs(loss - expected) < 1e-6 * expected)
        let total = gradient.norm
        for entry in golden.graph.parameterLayout.entries {
            let difference = entry.values(in: gradient)
            let theirs = try golden.vector("gradient/\(entry.name)")
            difference.add(theirs, scaledBy: -1)
            #expect(difference.norm < 1e-4 * theirs.norm + 1e-6 * total, "\(entry.name)")
        }
        for entry in golden.graph.statisticsLayout.entries {
            let difference = golden.statistics.slice(entry.range)
            let theirs = try golden.vector("statistics/\(entry.name)")
            difference.add(theirs, scaledBy: -1)
            #expect(difference.norm < 1e-5 * theirs.norm, "\(entry.name)")
        }
    }

    @Test(arguments: models) func `label smoothing and soft targets give PyTorch's losses`(model: String) throws {
        let golden = try Golden(model, .direct)
        let gradient = FlatVector(count: golden.weights.count)
        golden.labelSmoothing = 0.1
        let smooth = try golden.evaluate(group: 0, pass: .ascent, at: golden.weights, into: GradientTarget(gradient))
            .loss
        #expect(abs(smooth - (try golden.numbers("smooth/loss")[0])) < 1e-5)
        golden.labelSmoothing = 0
        golden.softTargets = try golden.vector("soft/targets")
        let soft = try golden.evaluate(group: 0, pass: .ascent, at: golden.weights, into: GradientTarget(gradient)).loss
        #expect(abs(soft - (try golden.numbers("soft/loss")[0])) < 1e-5)
    }

    @Test(arguments: models, ["sgd", "adamw"])
    func `ten steps of every method give PyTorch's losses, weights and statistics`(
        model: String, optimizerName: String
    ) throws {
        for (name, method) in Self.methods {
            let golden = try Golden(model, .auto)
            let rule = try GradientRule(method: method, parameterCount: golden.weights.count)
            let optimizer: any Optimizer =
                optimizerName == "sgd"
                ? try SGD(parameterCount: golden.weights.count, momentum: 0.9, weightDecay: 5e-4)
                : try AdamW(parameterCount: golden.weights.count, weightDecay: 0.05)
            let gradient = FlatVector(count: golden.weights.count)
            let label = "\(name)-\(optimizerName)"
            let losses = try golden.numbers("\(label)/losses")
            for step in 0..<10 {
                golden.batch = step
                let terms = try rule.evaluate(golden, at: golden.weights, into: gradient)
                optimizer.update(
                    golden.weights, gradient: gradient, learningRate: optimizerName == "sgd" ? 0.01 : 1e-3)
                #expect(abs(terms.loss - losses[step]) < 1e-4 * losses[step], "\(label), step \(step)")
            }
            let (weights, weightScale) = try golden.distance(golden.weights, golden.graph.parameterLayout, label)
            #expect(weights < 1e-3 * weightScale, "\(label), weights")
            let (statistics, statisticScale) = try golden.distance(
                golden.statistics, golden.graph.statisticsLayout, label)
            #expect(statistics <= 1e-3 * statisticScale, "\(label), running statistics")
        }
    }
}

/// One golden file as an objective: its batches, one at a time.
private final class Golden: Objective {
    let file: SafeTensorsFile
    let graph: Graph
    let weights: FlatVector
    let statistics: FlatVector
    var batch = 0
    var labelSmoothing: Float = 0
    var softTargets: FlatVector?
    private let network: Network
    private let images: FlatVector
    private let labels: [Int32]
    private let samples: Int

    init(_ model: String, _ policy: ConvolutionPolicy) throws {
        ComputeThreads.set(1)
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        file = try SafeTensorsFile((folder + ["Goldens", "\(model).safetensors"]).joined(separator: "/"))
        let imageEntry = try #require(file["images"])
        let shape = Array(imageEntry.shape.dropFirst(2))
        samples = imageEntry.shape[1]
        graph =
            switch model {
            case "resnet8":
                ResNet(blocks: [1, 1, 1], widths: [8, 16, 32], shortcut: .zeroPadding)
                    .graph(inputShape: shape, classes: 10)
            case "vit":
                VisionTransformer(patch: 4, width: 24, depth: 2, heads: 3).graph(inputShape: shape, classes: 10)
            default:
                ResNet(blocks: [1, 1, 1, 1], widths: [8, 12, 16, 24], shortcut: .projection)
                    .graph(inputShape: shape, classes: 10)
            }
        network = try Network(graph, policy: policy)
        weights = FlatVector(count: graph.parameterLayout.vectorCount)
        statistics = FlatVector(count: graph.statisticsLayout.vectorCount)
        images = FlatVector(count: imageEntry.count)
        try file.read(imageEntry, into: images)
        guard case .int64(let numbers) = try file.read(try #require(file["labels"])).values else {
            labels = []
            return
        }
        labels = numbers.map(Int32.init)
        for (layout, vector) in [(graph.parameterLayout, weights), (graph.statisticsLayout, statistics)] {
            for entry in layout.entries {
                let found = try #require(file["initial/\(entry.name)"])
                #expect(found.shape == entry.shape, "\(entry.name)")
                try entry.setValues(in: vector) { values throws in try file.read(found, into: values) }
            }
        }
    }

    func numbers(_ name: String) throws -> [Double] {
        guard case .float64(let values) = try file.read(try #require(file[name])).values else { return [] }
        return values
    }

    func vector(_ name: String) throws -> FlatVector {
        let entry = try #require(file[name])
        let vector = FlatVector(count: entry.count)
        try file.read(entry, into: vector)
        return vector
    }

    /// ‖ours − theirs‖ and ‖theirs‖ over all tensors of a layout after a case's ten steps.
    func distance(_ ours: FlatVector, _ layout: TensorLayout, _ label: String) throws -> (Double, Double) {
        let theirs = FlatVector(count: ours.count)
        try file.read(layout, into: theirs, prefix: "\(label)/final/")
        let difference = FlatVector(count: ours.count)
        difference.setSum(ours, theirs, scaledBy: -1)
        return (difference.norm, theirs.norm)
    }

    var parameterCount: Int { weights.count }

    func evaluate(group: Int, pass: Pass, at point: FlatVector, into target: GradientTarget, whenFinal: WhenFinal)
        throws -> Evaluation
    {
        let pixels = images.count / 10
        func found(_ sum: LossSum) -> Evaluation {
            Evaluation(loss: sum.loss / Double(samples), correct: sum.correct, sampleCount: samples)
        }
        let sum = try labels.withUnsafeBufferPointer { labels in
            try network.gradient(
                SampleBatch(
                    count: samples, pixels: images.pointer + batch * pixels,
                    labels: labels.baseAddress.map { $0 + batch * samples },
                    softTargets: softTargets.map { UnsafePointer($0.pointer) }),
                at: point, statistics: statistics, into: target, gradientScale: 1 / Float(samples),
                labelSmoothing: labelSmoothing, updatesStatistics: pass == .clean
            ) { start, losses in try whenFinal(start, found(losses)) }
        }
        return found(sum)
    }
}
