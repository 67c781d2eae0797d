import Vectors

/// Clipping of the whole batch's G by its norm over all parameters, before the optimizer sees it.
package struct GradientClipping: Sendable, Equatable {
    /// c: the largest norm that passes unchanged.
    package let maximumNorm: Double

    package init(maximumNorm: Double) throws(OptimizerError) {
        try OptimizerError.requirePositive("the clipping norm", maximumNorm)
        self.maximumNorm = maximumNorm
    }

    /// G ← min(1, c/(‖G‖ + 1e-6))·G, as PyTorch's `clip_grad_norm_`; returns ‖G‖ before clipping.
    ///
    /// To be called on the reduced gradient, where every process computes the same norm. A norm that is not finite is
    /// returned for the caller to refuse.
    package func clip(_ gradient: FlatVector) -> Double {
        let norm = gradient.norm
        let factor = maximumNorm / (norm + 1e-6)
        if factor < 1 { gradient.scale(by: Float(factor)) }
        return norm
    }
}
