import Collectives
import Compute
import RankCases
import Training

/// Rows of a short training of a network with BatchNorm on synthetic images.
private func rows(_ world: Communicator, _ compared: Precision, at steps: [Int]) throws -> [PrecisionComparison.Row] {
    var configuration = RunConfiguration()
    for (name, text) in [("dataset", "synthetic"), ("batch-size", "\(8 * world.size)")] {
        try configuration.apply(flag: name, text)
    }
    var comparison = PrecisionComparison(steps: steps)
    comparison.compared = compared
    return try comparison.run(configuration, world: world)
}

let precisionCases = [
    RankCase(name: "float32-differs-from-float32-in-nothing") { world in
        let found = try rows(world, .float32, at: [0, 2])
        try check(found.map(\.step) == [0, 2], "\(found)")
        for row in found {
            try check(
                row.gradientError == 0 && row.firstDifferenceError == 0 && row.secondDifferenceError == 0
                    && row.secondDifferenceSize > 0 && row.curvature == row.comparedCurvature, "\(row)")
        }
    },
    RankCase(name: "of-bfloat16-the-second-difference-suffers-most") { world in
        guard Precision.bfloat16.support != .none else { return }
        let row = try rows(world, .bfloat16, at: [0])[0]
        try check(row.gradientError > 1e-3 && row.gradientError < 0.3, "\(row)")
        try check(row.secondDifferenceError > row.gradientError, "\(row)")
    },
]
