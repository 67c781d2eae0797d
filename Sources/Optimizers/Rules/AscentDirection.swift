import Objectives
import Vectors

/// The clean pass of a rule that perturbs: g0 of a group, from which ε = ρ·g0/‖g0‖ is made.
package final class AscentDirection {
    /// Added to ‖g0‖ where it divides, as the authors' code does: ε is 0, not NaN, where the gradient is.
    package static let normGuard = 1e-12

    /// ρ
    package var radius: Double
    private let pass = GradientSum()

    package init(radius: Double) { self.radius = radius }

    /// Overwrites `gradient` with g0 of `group`, averaged over the processes that share it, and adds its figures to
    /// `terms`.
    ///
    /// - Returns: the factor ρ/‖g0‖ that makes ε of it.
    package func evaluate(
        _ objective: any GroupedObjective, group: Int, at weights: FlatVector, into gradient: FlatVector,
        _ terms: inout StepTerms
    ) throws -> Float {
        let weight = objective.weight(ofGroup: group)
        pass.set(gradient, overwrites: true)
        terms.addClean(try objective.evaluate(group: group, pass: .clean, at: weights, into: pass), weight: weight)
        try objective.averageDirection(ofGroup: group, gradient)
        let norm = gradient.norm
        terms.gradientNorm.add(norm, weight: weight)
        return Float(radius / (norm + Self.normGuard))
    }
}
