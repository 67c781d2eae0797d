/// How the losses' finite differences enter CR-SAM's gradient.
package enum Regularizer: String, Sendable, CaseIterable {
    /// G = g⁺ + α(g⁺ + g⁻ − 2g0) + β(g⁺ − g⁻), what the authors' code computes (there α is called gamma).
    case linear
    /// G = g⁺ + α(g⁺ + g⁻ − 2g0)/(L⁺ + L⁻ − 2L⁰) + β(g⁺ − g⁻)/(L⁺ − L⁻): the gradient of the published
    /// R = α·log Tr + β·log‖∇L‖ through its finite differences, with ε held fixed.
    case log
}

/// Which gradient a step descends.
package enum Method: Sendable, Equatable {
    /// G = g0.
    case plain
    /// Sharpness-aware minimization (Foret et al., ICLR 2021): G = g⁺ at w + ε, ε = ρ·g0/‖g0‖.
    ///
    /// `perturbationRadius` is ρ, in units of the weights' norm.
    case sam(perturbationRadius: Double)
    /// Curvature-regularized SAM (Wu, Luo and Wunsch, AAAI 2024, arXiv 2312.13555).
    ///
    /// `perturbationRadius` is ρ, `traceWeight` α, `normWeight` β.
    case crsam(perturbationRadius: Double, traceWeight: Double, normWeight: Double, regularizer: Regularizer)

    /// What is left once terms of weight 0 are dropped: ρ = 0 is plain training, α = β = 0 is SAM.
    package var reduced: Method {
        switch self {
        case .sam(perturbationRadius: 0), .crsam(perturbationRadius: 0, _, _, _): .plain
        case .crsam(let radius, traceWeight: 0, normWeight: 0, _): .sam(perturbationRadius: radius)
        default: self
        }
    }

    /// Forward and backward passes for each group of samples: 1, 2 or 3.
    package var gradientEvaluationsPerGroup: Int {
        switch reduced {
        case .plain: 1
        case .sam: 2
        case .crsam: 3
        }
    }

    /// Throws unless ρ, α and β are finite and at least 0.
    package func validate() throws(OptimizerError) {
        switch self {
        case .plain: break
        case .sam(let radius):
            try OptimizerError.require("the perturbation radius rho", radius, in: 0...)
        case .crsam(let radius, let traceWeight, let normWeight, _):
            try OptimizerError.require("the perturbation radius rho", radius, in: 0...)
            try OptimizerError.require("the trace weight alpha", traceWeight, in: 0...)
            try OptimizerError.require("the norm weight beta", normWeight, in: 0...)
        }
    }
}
