import Optimizers
import Vectors

extension OptimizerEntry {
    static let signum = OptimizerEntry(
        "signum", learningRate: 0.01, weightDecay: 0, hyperparameters: [.momentum], stateVectorCount: { _ in 1 },
        make: { count, groups, hyperparameters throws(OptimizerError) in
            try Signum(parameterCount: count, groups: groups, momentum: hyperparameters.momentum)
        })
}

/// Signum (Bernstein et al., ICML 2018, algorithm 2),
///
///     m ← μm + (1 − μ)G;  w ← w(1 − ηλ) − η·sign(m)
final class Signum: Optimizer {
    private(set) var stepCount = 0
    private let groups: [ParameterGroup]
    private let momentum: Double
    private let average: FlatVector

    init(parameterCount: Int, groups: [ParameterGroup], momentum: Double) throws(OptimizerError) {
        try OptimizerError.require("momentum", momentum, in: 0..<1)
        try ParameterGroup.validate(groups, count: parameterCount)
        self.groups = groups
        self.momentum = momentum
        average = FlatVector(count: parameterCount)
    }

    var state: [(name: String, vector: FlatVector)] { [("exp_avg", average)] }

    func update(_ weights: FlatVector, gradient: FlatVector, learningRate: Double) {
        average.scale(by: Float(momentum))
        average.add(gradient, scaledBy: Float(1 - momentum))
        for group in groups {
            let rate = learningRate * group.rateScale
            let (step, retention) = (Float(rate), Float(1 - rate * group.weightDecay))
            for index in group.range {
                let mean = average.pointer[index]
                let sign: Float = mean > 0 ? 1 : mean < 0 ? -1 : 0
                weights.pointer[index] = weights.pointer[index] * retention - step * sign
            }
        }
        stepCount += 1
    }

    func restore(stepCount: Int, state saved: [(name: String, vector: FlatVector)]) throws(OptimizerError) {
        try copyState(from: saved, stepCount: stepCount)
        self.stepCount = stepCount
    }
}
