import Collectives
import Compute
import Measurements
import RankCases
import Training

/// Of a network with BatchNorm on synthetic images: as many as each rank's eight, and a short training of them.
private func configuration(_ world: Communicator, _ settings: [(String, String)]) throws -> RunConfiguration {
    var configuration = RunConfiguration()
    for (name, text) in [("dataset", "synthetic"), ("batch-size", "\(8 * world.size)")] + settings {
        try configuration.apply(flag: name, text)
    }
    return configuration
}

private func rows(
    _ world: Communicator, _ compared: Precision, at steps: [Int], _ settings: [(String, String)] = []
) throws -> [PrecisionComparison.Row] {
    var comparison = PrecisionComparison(steps: steps)
    comparison.compared = compared
    return try comparison.run(try configuration(world, settings), world: world)
}

let precisionCases = [
    RankCase(name: "a-precision-is-compared-where-the-training-is-and-leaves-it-alone") { world in
        for settings in [[], [("m-sharpness", "4"), ("micro-batch-size", "2")]] {
            let results = try rows(world, .float32, at: [0, 2], settings)
            try check(results.map(\.step) == [0, 2], "\(results)")
            for row in results {
                try check(
                    row.gradientError == 0 && row.firstDifferenceError == 0 && row.secondDifferenceError == 0
                        && row.secondDifferenceSize > 0 && row.curvature == row.comparedCurvature, "\(row)")
            }
            // The training by itself.
            var steps: [StepMetrics] = []
            let trainer = try Trainer(
                try configuration(world, settings + [("steps", "3")]), world: world, purpose: .benchmark,
                observers: [StepCallbacks(after: { steps.append($0) })])
            _ = try trainer.run()
            for row in results {
                let step = steps[row.step]
                try check(abs(row.loss - step.loss) <= 1e-6 * step.loss, "\(row) and \(step)")
                // A rank has its own ascent direction in training; of one rank with one group it is the comparison's.
                if world.size == 1, settings.isEmpty {
                    let (curvature, expected) = (row.curvature ?? .nan, step["curvature"] ?? .nan)
                    try check(abs(curvature - expected) <= 1e-3 * abs(expected), "\(row) and \(step)")
                }
            }
        }
    },
    RankCase(name: "of-bfloat16-differences-suffer-more-than-gradients") { world in
        guard Precision.bfloat16.support != .none else { return }
        let row = try rows(world, .bfloat16, at: [0])[0]
        try check(row.gradientError > 1e-3 && row.gradientError < 0.3, "\(row)")
        try check((row.secondDifferenceError ?? 0) > row.gradientError, "\(row)")
    },
]
