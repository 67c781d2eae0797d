/// The normalized Hessian trace C(w) = Tr(∇²L(w))/‖∇L(w)‖₂ (Wu, Luo and Wunsch, AAAI 2024) and what it is
/// made of.
///
/// It is not invariant to the weights' scale: where a network's function stays under w → a·w, as between
/// BatchNorms, C becomes C/a. ‖w‖·C does not change; compare C between networks of unlike ‖w‖ by that.
package struct NormalizedTrace: Sendable, Equatable {
    package var trace: TraceEstimate
    package var norms: GradientNorms
    /// ‖w‖₂.
    package var weightNorm: Double

    package init(_ trace: TraceEstimate, _ norms: GradientNorms, weightNorm: Double) {
        (self.trace, self.norms, self.weightNorm) = (trace, norms, weightNorm)
    }

    /// C(w), by the norm of the mean gradient. Its relative variance is the trace's: that norm has no error on the
    /// samples that were taken.
    package var value: ChunkMean {
        ChunkMean(value: trace.trace.value / norms.full, standardError: trace.trace.standardError / norms.full)
    }

    /// The authors' form, by the mean norm of batches' gradients; relative variances add up.
    package var batchValue: ChunkMean {
        let value = trace.trace.value / norms.batches.value
        let errors = [trace.trace, norms.batches].map { $0.standardError / $0.value }
        return ChunkMean(
            value: value,
            standardError: abs(value) * errors.reduce(0) { $0 + $1 * $1 }.squareRoot())
    }

    /// ‖w‖·C(w).
    package var scaleFree: Double { weightNorm * value.value }
}
