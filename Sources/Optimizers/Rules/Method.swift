/// How the losses' finite differences enter CR-SAM's gradient.
package enum Regularizer: String, Sendable, CaseIterable {
    /// G = g⁺ + α(g⁺ + g⁻ − 2g0) + β(g⁺ − g⁻), what the authors' code computes (there α is called gamma).
    case linear
    /// G = g⁺ + α(g⁺ + g⁻ − 2g0)/(L⁺ + L⁻ − 2L⁰) + β(g⁺ − g⁻)/(L⁺ − L⁻): the gradient of the published
    /// R = α·log Tr + β·log‖∇L‖ through its finite differences, with ε held fixed.
    case log
}

/// Which gradient a step descends: a rule with the hyperparameters of all rules, of which each reads its own.
package struct Method: Sendable, Equatable {
    package var rule: GradientRuleEntry
    /// ρ, in units of the weights' norm.
    package var perturbationRadius: Double
    /// α
    package var traceWeight: Double
    /// β
    package var normWeight: Double
    package var regularizer: Regularizer

    package init(
        _ rule: GradientRuleEntry, perturbationRadius: Double = 0, traceWeight: Double = 0, normWeight: Double = 0,
        regularizer: Regularizer = .linear
    ) {
        self.rule = rule
        self.perturbationRadius = perturbationRadius
        self.traceWeight = traceWeight
        self.normWeight = normWeight
        self.regularizer = regularizer
    }

    /// What is left once terms of weight 0 are dropped: ρ = 0 is plain training, α = β = 0 is SAM.
    package var reduced: Method { rule.reduced(self) }

    /// In a line for people, once terms of weight 0 are dropped.
    package var text: String { reduced.rule.text(reduced) }

    /// Forward and backward passes for each group of samples.
    package var gradientEvaluationsPerGroup: Int { reduced.rule.type.gradientEvaluationsPerGroup }

    /// Throws unless the hyperparameters that the rule reads are finite and at least 0.
    package func validate() throws(OptimizerError) {
        for parameter in rule.hyperparameters {
            try OptimizerError.require(parameter.rawValue, parameter.value(in: self), in: 0...)
        }
    }

    /// The rule at the least cost.
    ///
    /// - Parameter parameterCount: length of weights and gradient, padding included.
    package func makeRule(parameterCount: Int) throws(OptimizerError) -> any GradientRule {
        try validate()
        return reduced.rule.type.init(reduced, parameterCount: parameterCount)
    }
}

/// A number of a method that must be finite and at least 0. The raw value names it in messages.
package enum Hyperparameter: String, Sendable {
    case perturbationRadius = "the perturbation radius rho"
    case traceWeight = "the trace weight alpha"
    case normWeight = "the norm weight beta"

    func value(in method: Method) -> Double {
        switch self {
        case .perturbationRadius: method.perturbationRadius
        case .traceWeight: method.traceWeight
        case .normWeight: method.normWeight
        }
    }
}
