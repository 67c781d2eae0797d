import Glibc
import Vectors

/// Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019, algorithm 2), as `torch.optim.AdamW` computes
/// it.
///
/// At step t = 1, 2, …:
///
///     w ← w(1 − ηλ);  m ← β₁m + (1 − β₁)G;  v ← β₂v + (1 − β₂)G²
///     w ← w − η/(1 − β₁ᵗ) · m/(√v/√(1 − β₂ᵗ) + ε)
///
/// Weight decay λ and the scale of η are those of each parameter group. State: m and v.
package final class AdamW: Optimizer {
    package let beta1: Double
    package let beta2: Double
    package let epsilon: Double
    package let groups: [ParameterGroup]
    package private(set) var stepCount = 0
    private let firstMoment: FlatVector
    private let secondMoment: FlatVector

    /// - Parameters:
    ///   - beta1: in [0, 1).
    ///   - beta2: in [0, 1).
    ///   - epsilon: above 0, also as a Float: it keeps the padding at 0/ε = 0.
    package init(
        parameterCount: Int, groups: [ParameterGroup], beta1: Double = 0.9, beta2: Double = 0.999,
        epsilon: Double = 1e-8
    ) throws(OptimizerError) {
        try OptimizerError.require("AdamW's beta1", beta1, in: 0..<1)
        try OptimizerError.require("AdamW's beta2", beta2, in: 0..<1)
        try OptimizerError.requirePositive("AdamW's epsilon", epsilon)
        try ParameterGroup.validate(groups, count: parameterCount)
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.groups = groups
        firstMoment = FlatVector(count: parameterCount)
        secondMoment = FlatVector(count: parameterCount)
    }

    /// The same with one weight decay λ, finite and at least 0, for all parameters.
    package convenience init(
        parameterCount: Int, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0.01
    ) throws(OptimizerError) {
        try self.init(
            parameterCount: parameterCount, groups: [ParameterGroup(0..<parameterCount, weightDecay: weightDecay)],
            beta1: beta1, beta2: beta2, epsilon: epsilon)
    }

    package var state: [(name: String, vector: FlatVector)] {
        [("exp_avg", firstMoment), ("exp_avg_sq", secondMoment)]
    }

    package func update(_ weights: FlatVector, gradient: FlatVector, learningRate: Double) {
        stepCount += 1
        let firstCorrection = 1 - pow(beta1, Double(stepCount))
        let secondCorrection = 1 - pow(beta2, Double(stepCount))
        for group in groups {
            let rate = learningRate * group.rateScale
            weights.updateByAdamW(
                gradient: gradient, firstMoment: firstMoment, secondMoment: secondMoment,
                retention: Float(1 - rate * group.weightDecay), oneMinusBeta1: Float(1 - beta1), beta2: Float(beta2),
                oneMinusBeta2: Float(1 - beta2), stepSize: Float(rate / firstCorrection),
                secondMomentCorrection: Float(secondCorrection.squareRoot()), epsilon: Float(epsilon),
                in: group.range)
        }
    }

    package func restore(stepCount: Int, state saved: [(name: String, vector: FlatVector)]) throws(OptimizerError) {
        try copyState(from: saved, stepCount: stepCount)
        self.stepCount = stepCount
    }
}

extension OptimizerEntry {
    /// With the defaults of `torch.optim.AdamW`.
    package static let adamw = OptimizerEntry(
        "adamw", learningRate: 1e-3, weightDecay: 0.01, stateVectorCount: { _ in 2 },
        make: { count, groups, _ throws(OptimizerError) in try AdamW(parameterCount: count, groups: groups) })
}
