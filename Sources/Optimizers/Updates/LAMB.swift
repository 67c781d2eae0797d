import Glibc
import Vectors

/// Layer-wise adaptive moments (You et al., ICLR 2020, algorithm 2), as timm's `Lamb` computes it.
///
/// At step t = 1, 2, …, with G first scaled down to norm 1 where it is longer, for each tensor:
///
///     m ← β₁m + (1 − β₁)G;  v ← β₂v + (1 − β₂)G²
///     u = m/(1 − β₁ᵗ) / (√v/√(1 − β₂ᵗ) + ε) + λw
///     w ← w − η·(λ > 0 and both norms above 0 ? ‖w‖/‖u‖ : 1)·u
///
/// So tensors that do not decay are updated as Adam does. State: m and v; u has a vector of its own.
package final class LAMB: Optimizer {
    package let beta1: Double
    package let beta2: Double
    package let epsilon: Double
    /// The norm of G above which it is scaled down.
    package let maximumNorm: Double
    /// One for each tensor.
    package let groups: [ParameterGroup]
    package private(set) var stepCount = 0
    private let firstMoment: FlatVector
    private let secondMoment: FlatVector
    private let direction: FlatVector

    /// - Parameter groups: one for each tensor, whose norms the rate follows.
    package init(
        parameterCount: Int, groups: [ParameterGroup], beta1: Double = 0.9, beta2: Double = 0.999,
        epsilon: Double = 1e-6, maximumNorm: Double = 1
    ) throws(OptimizerError) {
        try OptimizerError.require("LAMB's beta1", beta1, in: 0..<1)
        try OptimizerError.require("LAMB's beta2", beta2, in: 0..<1)
        try OptimizerError.requirePositive("LAMB's epsilon", epsilon)
        try OptimizerError.requirePositive("LAMB's largest norm", maximumNorm)
        try ParameterGroup.validate(groups, count: parameterCount)
        (self.beta1, self.beta2, self.epsilon, self.maximumNorm) = (beta1, beta2, epsilon, maximumNorm)
        self.groups = groups
        firstMoment = FlatVector(count: parameterCount)
        secondMoment = FlatVector(count: parameterCount)
        direction = FlatVector(count: parameterCount)
    }

    package var state: [(name: String, vector: FlatVector)] {
        [("exp_avg", firstMoment), ("exp_avg_sq", secondMoment)]
    }

    package func update(_ weights: FlatVector, gradient: FlatVector, learningRate: Double) {
        stepCount += 1
        let scale = min(1, maximumNorm / gradient.norm)
        for group in groups {
            direction.setToAdamDirection(
                gradient: gradient, scale: Float(scale.isFinite ? scale : 1), weights: weights,
                firstMoment: firstMoment, secondMoment: secondMoment, oneMinusBeta1: Float(1 - beta1),
                beta2: Float(beta2), oneMinusBeta2: Float(1 - beta2),
                firstMomentCorrection: Float(1 - pow(beta1, Double(stepCount))),
                secondMomentCorrection: Float((1 - pow(beta2, Double(stepCount))).squareRoot()),
                epsilon: Float(epsilon), weightDecay: Float(group.weightDecay), in: group.range)
            let (tensor, step) = (weights.slice(group.range), direction.slice(group.range))
            var trust = 1.0
            if group.weightDecay > 0 {
                let (length, stepLength) = (tensor.norm, step.norm)
                if length > 0, stepLength > 0 { trust = length / stepLength }
            }
            tensor.setSum(tensor, step, scaledBy: Float(-learningRate * group.rateScale * trust))
        }
    }

    package func restore(stepCount: Int, state saved: [(name: String, vector: FlatVector)]) throws(OptimizerError) {
        try copyState(from: saved, stepCount: stepCount)
        self.stepCount = stepCount
    }
}

extension OptimizerEntry {
    /// With the defaults of timm's `Lamb`.
    package static let lamb = OptimizerEntry(
        "lamb", learningRate: 5e-3, weightDecay: 0.02, isLayerWise: true, stateVectorCount: { _ in 3 },
        make: { count, groups, _ throws(OptimizerError) in try LAMB(parameterCount: count, groups: groups) })
}
