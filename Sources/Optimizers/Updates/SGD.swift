import Vectors

/// Stochastic gradient descent with momentum, as `torch.optim.SGD` computes it (dampening 0):
///
///     g ← G + λw;  m ← first step ? g : μm + g;  w ← w − η·(Nesterov ? g + μm : m)
///
/// Weight decay λ and the scale of η are those of each parameter group. State: m, where μ is above 0.
package final class SGD: Optimizer {
    package let momentum: Double
    package let nesterov: Bool
    package let groups: [ParameterGroup]
    package private(set) var stepCount = 0
    private let momentumBuffer: FlatVector?

    /// - Parameters:
    ///   - momentum: μ, in [0, 1).
    ///   - nesterov: needs a momentum above 0.
    package init(
        parameterCount: Int, groups: [ParameterGroup], momentum: Double = 0, nesterov: Bool = false
    ) throws(OptimizerError) {
        try OptimizerError.require("momentum", momentum, in: 0..<1)
        try ParameterGroup.validate(groups, count: parameterCount)
        if nesterov, momentum == 0 { throw .nesterovWithoutMomentum }
        self.momentum = momentum
        self.nesterov = nesterov
        self.groups = groups
        momentumBuffer = momentum > 0 ? FlatVector(count: parameterCount) : nil
    }

    /// The same with one weight decay λ, finite and at least 0, for all parameters.
    package convenience init(
        parameterCount: Int, momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0
    ) throws(OptimizerError) {
        try self.init(
            parameterCount: parameterCount, groups: [ParameterGroup(0..<parameterCount, weightDecay: weightDecay)],
            momentum: momentum, nesterov: nesterov)
    }

    package var state: [(name: String, vector: FlatVector)] {
        momentumBuffer.map { [("momentum_buffer", $0)] } ?? []
    }

    package func update(_ weights: FlatVector, gradient: FlatVector, learningRate: Double) {
        for group in groups {
            weights.updateBySGD(
                gradient: gradient, momentum: momentumBuffer, learningRate: Float(learningRate * group.rateScale),
                momentumFactor: Float(momentum), weightDecay: Float(group.weightDecay), nesterov: nesterov,
                isFirstStep: stepCount == 0, in: group.range)
        }
        stepCount += 1
    }

    package func restore(stepCount: Int, state saved: [(name: String, vector: FlatVector)]) throws(OptimizerError) {
        try copyState(from: saved, stepCount: stepCount)
        self.stepCount = stepCount
    }
}

extension OptimizerEntry {
    package static let sgd = OptimizerEntry(
        "sgd", learningRate: 0.2, weightDecay: 5e-4, hyperparameters: [.momentum, .nesterov],
        stateVectorCount: { $0.momentum > 0 ? 1 : 0 },
        make: { count, groups, hyperparameters throws(OptimizerError) in
            try SGD(
                parameterCount: count, groups: groups, momentum: hyperparameters.momentum,
                nesterov: hyperparameters.nesterov)
        })
}
