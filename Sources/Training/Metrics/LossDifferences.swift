import Compute
import Objectives
import Vectors

/// The finite differences of a step's three losses as curvature and slope along the ascent direction, where they are
/// larger than their rounding error.
///
/// The sum over the batch is exact (Double, `ExactSum`); a sample's loss is as inexact as its logits, which are float32
/// or come from products in bfloat16. Measured as L⁺ + L⁻ − 2L⁰ and L⁺ − L⁻ where ρ is too small for either to be
/// anything else (`docs/mathematics.md`): up to 3.5e-6 of L in float32, up to 2.5e-3 of L in bfloat16. A difference
/// below that is no measurement: divided by a small ρ² it would read as an enormous curvature of either sign.
package struct LossDifferences {
    /// (L⁺ + L⁻ − 2L⁰)/ρ² ≈ vᵀ∇²L v; nil where rounding hides it.
    package let curvature: Double?
    /// (L⁺ − L⁻)/(2ρ) ≈ ‖∇L‖; nil where rounding hides it.
    package let slope: Double?

    /// Bound on the rounding error of either difference, relative to the largest of the losses.
    package static func relativeRounding(_ precision: Precision) -> Double {
        switch precision {
        case .float32: 0x1p-18
        case .bfloat16: 0x1p-8
        }
    }

    /// - Parameters:
    ///   - losses: means over the whole batch.
    ///   - radius: ρ, above 0.
    package init(_ losses: BatchLosses, radius: Double, precision: Precision) {
        let largest = max(abs(losses.clean), abs(losses.ascent), abs(losses.descent))
        let error = Self.relativeRounding(precision) * largest
        curvature = abs(losses.secondDifference) > error ? losses.curvature(radius: radius) : nil
        slope = abs(losses.firstDifference) > error ? losses.slope(radius: radius) : nil
    }
}
