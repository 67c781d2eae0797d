import Vectors

/// Stochastic gradient descent with momentum, as `torch.optim.SGD` computes it (dampening 0):
///
///     g ← G + λw;  m ← first step ? g : μm + g;  w ← w − η·(Nesterov ? g + μm : m)
///
/// Weight decay λ acts on every parameter. State: m, where μ is above 0.
package final class SGD: Optimizer {
    package let momentum: Double
    package let nesterov: Bool
    package let weightDecay: Double
    package private(set) var stepCount = 0
    private let momentumBuffer: FlatVector?

    /// - Parameters:
    ///   - momentum: μ, in [0, 1).
    ///   - nesterov: needs a momentum above 0.
    ///   - weightDecay: λ, finite and at least 0.
    package init(
        parameterCount: Int, momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0
    ) throws(OptimizerError) {
        try OptimizerError.require("momentum", momentum, in: 0..<1)
        try OptimizerError.require("weight decay", weightDecay, in: 0...)
        if nesterov, momentum == 0 { throw .nesterovWithoutMomentum }
        self.momentum = momentum
        self.nesterov = nesterov
        self.weightDecay = weightDecay
        momentumBuffer = momentum > 0 ? FlatVector(count: parameterCount) : nil
    }

    package var state: [(name: String, vector: FlatVector)] {
        momentumBuffer.map { [("momentum_buffer", $0)] } ?? []
    }

    package func update(_ weights: FlatVector, gradient: FlatVector, learningRate: Double) {
        weights.updateBySGD(
            gradient: gradient, momentum: momentumBuffer, learningRate: Float(learningRate),
            momentumFactor: Float(momentum), weightDecay: Float(weightDecay), nesterov: nesterov,
            isFirstStep: stepCount == 0)
        stepCount += 1
    }

    package func restore(stepCount: Int, state saved: [(name: String, vector: FlatVector)]) throws(OptimizerError) {
        try copyState(from: saved, stepCount: stepCount)
        self.stepCount = stepCount
    }
}
