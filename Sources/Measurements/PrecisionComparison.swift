import Collectives
import Compute
import Datasets
import Files
import Objectives
import Optimizers
import Training
import Vectors

/// How far another precision's gradients are from float32's during training, and what is left of their
/// differences.
///
/// Both are taken at the same points w, w + ε and w − ε of the same batch, with ε = ρ·g0/‖g0‖ of float32's g0, as means
/// over the whole batch; BatchNorm normalizes each rank's groups by themselves, as the training does.
package struct PrecisionComparison {
    /// Errors relative to float32's value, in norm.
    package struct Row: Sendable, Equatable {
        /// Updates done before.
        package var step: Int
        /// Float32's L(w).
        package var loss: Double
        /// Of g0.
        package var gradientError: Double
        /// Of g⁺ − g⁻; nil where that is float32's own rounding (``gradientRounding``).
        package var firstDifferenceError: Double?
        /// Of g⁺ + g⁻ − 2g0; nil likewise.
        package var secondDifferenceError: Double?
        /// ‖g⁺ + g⁻ − 2g0‖ / ‖g0‖ in float32.
        package var secondDifferenceSize: Double
        /// (L⁺ + L⁻ − 2L⁰)/ρ² in float32 and in the other precision; nil where rounding hides it.
        package var curvature: Double?
        package var comparedCurvature: Double?

        /// Norm of a difference of float32 gradients that is their rounding, relative to ‖g0‖: two or three gradients,
        /// each with a relative error of up to 7e-6.
        static let gradientRounding = 2e-5

        /// Under ``header``.
        package var text: String {
            func percent(_ share: Double?) -> String { share.map(NumberText.percent) ?? "rounding" }
            func short(_ value: Double?) -> String { value.map(NumberText.short) ?? "rounding" }
            let cells = [
                ("\(step)", 7), (NumberText.fixed(loss, 4), 6), (percent(gradientError), 11),
                (percent(firstDifferenceError), 10), (percent(secondDifferenceError), 16),
                (short(secondDifferenceSize), 13), (short(curvature), 17), (short(comparedCurvature), 8),
            ]
            return cells.map { text, width in String(repeating: " ", count: max(0, width - text.count)) + text }
                .joined(separator: "  ")
        }
    }

    /// The columns of a row's text.
    package static let header =
        "updates    loss  error of g0  of g+ - g-  of g+ + g- - 2g0  its norm/|g0|  curvature float32  bfloat16"

    /// Before how many updates gradients are compared; the training ends with the last.
    package var steps: [Int]
    package var compared = Precision.bfloat16

    package init(steps: [Int]) { self.steps = steps }

    /// Throws where this processor cannot compute what is to be compared.
    package static func requireSupport(of precision: Precision) throws(ConfigurationError) {
        guard precision.support == .none else { return }
        throw .unsupported("the comparison with \(precision.rawValue)", remedy: "run it on such a one")
    }

    /// Trains as configured and compares during training. Every rank must call it; rows are the same on all of them.
    ///
    /// Cost of a row: six gradients and as many all-reduces of the gradient; memory: nine vectors of its length and one
    /// arena for each precision, beside the training's.
    /// - Parameter report: called with each row as it is known.
    package func run(
        _ requested: RunConfiguration, world: Communicator, report: @escaping (Row) throws -> Void = { _ in }
    ) throws -> [Row] {
        // Where ranks compare at other times their collectives would differ.
        try ConfigurationAgreement.check([("at", "\(steps)")], world)
        var configuration = requested
        configuration.steps = (steps.max() ?? 0) + 1
        let callbacks = StepCallbacks()
        let trainer = try Trainer(configuration, world: world, purpose: .benchmark, observers: [callbacks])
        let count = trainer.state.weights.count
        var memory = RunMemory(configuration)
        // Three gradients of each precision, their combinations, the point.
        memory.add(vectors: 9, of: count)
        for precision in [configuration.precision, .float32, compared] {
            let network = try Network(trainer.graph, policy: configuration.convolution, precision: precision)
            try memory.addArena(of: network, samples: trainer.largestRun)
        }
        try memory.check(flags: "lower --batch-size, set --micro-batch-size, use more hosts")
        try world.barrier()
        let float32 = try PrecisionGradients(trainer, configuration, .float32)
        let other = try PrecisionGradients(trainer, configuration, compared)
        let (point, expected) = (FlatVector(count: count), FlatVector(count: count))
        let difference = FlatVector(count: count)

        /// Norm of a combination of float32's gradients, and the other precision's distance from it.
        func combination(_ ascent: Float, _ clean: Float, _ descent: Float) -> (norm: Double, error: Double) {
            expected.combine(ascent, float32.ascent, clean, float32.clean, descent, float32.descent)
            difference.combine(ascent, other.ascent, clean, other.clean, descent, other.descent)
            difference.add(expected, scaledBy: -1)
            return (expected.norm, difference.norm / expected.norm)
        }

        var rows: [Row] = []
        callbacks.before = { batch in
            guard steps.contains(batch.step) else { return }
            let weights = trainer.state.weights
            for gradients in [float32, other] { try gradients.evaluate(.clean, batch, at: weights, world) }
            let scale = Float(configuration.rho / (float32.clean.norm + AscentDirection.normGuard))
            for (pass, sign) in [(Pass.ascent, Float(1)), (.descent, -1)] {
                point.setSum(weights, float32.clean, scaledBy: sign * scale)
                for gradients in [float32, other] { try gradients.evaluate(pass, batch, at: point, world) }
            }
            let (gradient, first, second) = (combination(0, 1, 0), combination(1, 0, -1), combination(1, -2, 1))
            func curvature(_ losses: BatchLosses, _ precision: Precision) -> Double? {
                LossDifferences(losses, radius: configuration.rho, precision: precision).curvature
            }
            let noise = Row.gradientRounding * gradient.norm
            let row = Row(
                step: batch.step, loss: float32.losses.clean, gradientError: gradient.error,
                firstDifferenceError: first.norm > noise ? first.error : nil,
                secondDifferenceError: second.norm > noise ? second.error : nil,
                secondDifferenceSize: second.norm / gradient.norm,
                curvature: curvature(float32.losses, .float32), comparedCurvature: curvature(other.losses, compared))
            rows.append(row)
            try report(row)
        }
        defer { callbacks.before = nil }
        _ = try trainer.run()
        return rows
    }
}

/// One precision's gradients of a batch at the three points, as means over all ranks.
private final class PrecisionGradients {
    let clean: FlatVector
    let ascent: FlatVector
    let descent: FlatVector
    private(set) var losses = BatchLosses()
    private let groups: BatchObjective
    private let objective: BatchMean

    init(_ trainer: Trainer, _ configuration: RunConfiguration, _ precision: Precision) throws {
        let graph = trainer.graph
        groups = BatchObjective(
            network: try Network(
                graph, policy: configuration.convolution, precision: precision, seed: configuration.seed),
            // Its own, so that the training's do not move.
            statistics: FlatVector(count: graph.statisticsLayout.vectorCount),
            microBatchSize: configuration.microBatchSize, loss: configuration.loss.loss,
            labelSmoothing: Float(configuration.labelSmoothing),
            movesStatisticsInDescent: false)
        objective = BatchMean(of: groups)
        let count = trainer.state.weights.count
        (clean, ascent, descent) = (FlatVector(count: count), FlatVector(count: count), FlatVector(count: count))
    }

    func evaluate(_ pass: Pass, _ batch: Batch, at point: FlatVector, _ world: Communicator) throws {
        let (sum, loss) =
            switch pass {
            case .clean: (clean, \BatchLosses.clean)
            case .ascent: (ascent, \BatchLosses.ascent)
            case .descent: (descent, \BatchLosses.descent)
            }
        groups.load(batch)
        let part = try objective.evaluate(at: point, into: GradientSum(sum))
        try world.allReduce(sum.elements, .sum)
        losses[keyPath: loss] = try world.allReduce(part.lossSum, .sum) / Double(batch.batchCount)
    }
}
