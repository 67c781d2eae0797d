import Compute
import Objectives
import Testing
import Vectors

/// A small model, a random batch and a random point: what a gradient check needs.
struct GradientCheck {
    let graph: Graph
    let network: Network
    let weights: FlatVector
    let statistics: FlatVector
    let pixels: FlatVector
    let labels: [Int32]
    var softTargets: FlatVector?
    var labelSmoothing: Float = 0

    init(
        input: [Int], batch: Int, classes: Int = 5, seed: UInt64 = 1, policy: ConvolutionPolicy = .direct,
        precision: Precision = .float32, _ build: (Graph, Value) -> Value
    ) throws {
        // Suites run side by side: one thread each.
        ComputeThreads.set(1)
        graph = Graph(inputShape: input)
        let features = build(graph, graph.inputValue)
        graph.setLogits(graph.linear(features, "head", outputs: classes))
        network = try Network(graph, policy: policy, precision: precision, seed: seed)
        weights = FlatVector(count: graph.parameterLayout.vectorCount)
        statistics = FlatVector(count: graph.statisticsLayout.vectorCount)
        graph.initialize(weights: weights, statistics: statistics, seed: seed)
        // Away from the neutral starting points of scales and shifts.
        var stream = RandomStream(seed: seed, purpose: .test, index: 1)
        for entry in graph.parameterLayout.entries where entry.shape.count == 1 || entry.name == "cls_token" {
            for index in entry.range { weights[index] += 0.3 * stream.normal() }
        }
        pixels = FlatVector((0..<batch * input.reduce(1, *)).map { _ in stream.normal() })
        labels = (0..<batch).map { _ in Int32(stream.integer(below: classes)) }
    }

    func gradient(at point: FlatVector) throws -> (loss: Double, gradient: FlatVector) {
        let gradient = FlatVector(count: point.count)
        gradient.fill(.nan)
        for index in 0..<gradient.count where !isParameter(index) { gradient[index] = 0 }
        let result = try labels.withUnsafeBufferPointer { labels in
            try network.gradient(
                SampleBatch(
                    count: labels.count, pixels: pixels.pointer, labels: labels.baseAddress,
                    softTargets: softTargets.map { UnsafePointer($0.pointer) }),
                at: point, statistics: statistics, into: GradientSum(gradient),
                gradientScale: 1 / Float(labels.count),
                labelSmoothing: labelSmoothing)
        }
        return (result.loss, gradient)
    }

    /// Loss and gradient as a probe sees them.
    func probe(
        at point: FlatVector, _ kinks: Kinks, keepsKinks: Bool, gradient: FlatVector? = nil
    ) throws -> Evaluation {
        try labels.withUnsafeBufferPointer { labels in
            try network.probe(
                SampleBatch(count: labels.count, pixels: pixels.pointer, labels: labels.baseAddress),
                at: point, statistics: statistics, kinks, keepsKinks: keepsKinks,
                gradientScale: 1 / Float(labels.count), into: gradient.map { GradientSum($0) })
        }
    }

    /// What Winograd's algorithm computes of a pass forward and backward.
    func winogradLabels() throws -> [String] {
        try network.program(batch: labels.count, .training).winogradLabels
    }

    private func isParameter(_ index: Int) -> Bool {
        graph.parameterLayout.entries.contains { $0.range.contains(index) }
    }

    /// Holds each parameter's gradient against the central difference of the loss along it (a random direction inside
    /// one parameter at a time, so that no parameter hides behind a larger one).
    ///
    /// A long step can cross the kink of a ReLU or a maximum, a short one drowns in float32's rounding: of three steps
    /// the one that agrees best counts. A wrong gradient agrees with none.
    func expectGradientMatchesCentralDifferences(
        tolerance: Double = 4e-3, steps: [Float] = [4e-3, 1e-3, 3e-4], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let (_, gradient) = try gradient(at: weights)
        let isFinite = gradient.elements.allSatisfy { $0.isFinite }
        #expect(
            isFinite, "every parameter gets a gradient", sourceLocation: sourceLocation)
        let scale = gradient.norm
        for (position, entry) in graph.parameterLayout.entries.enumerated() {
            var stream = RandomStream(seed: 5, purpose: .test, index: 100 + position)
            let direction = FlatVector(count: weights.count)
            for index in entry.range { direction[index] = stream.normal() }
            direction.scale(by: Float(1 / direction.norm))
            let moved = FlatVector(count: weights.count)
            let derivative = gradient.dot(direction)
            let differences = try steps.map { step in
                moved.setSum(weights, direction, scaledBy: step)
                let above = try self.gradient(at: moved).loss
                moved.setSum(weights, direction, scaledBy: -step)
                let below = try self.gradient(at: moved).loss
                return (above - below) / Double(2 * step)
            }
            let difference = differences.min { abs($0 - derivative) < abs($1 - derivative) } ?? .nan
            #expect(
                abs(difference - derivative) <= tolerance * max(abs(derivative), 0.05 * scale),
                "\(entry.name): central difference \(difference), gradient \(derivative)",
                sourceLocation: sourceLocation)
        }
    }
}

/// ‖a − b‖/‖b‖
func relativeDifference(_ a: FlatVector, _ b: FlatVector) -> Double {
    let difference = FlatVector(count: a.count)
    difference.setSum(a, b, scaledBy: -1)
    return difference.norm / b.norm
}
