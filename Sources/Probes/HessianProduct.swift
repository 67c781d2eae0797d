import Objectives
import Vectors

/// Products of a chunk's Hessian with vectors, by central differences: Hv ≈ (∇L(w + hv) − ∇L(w − hv))/(2h).
///
/// The error is h²/6 · D³∇L[v, v, v] by truncation and ε·‖∇L‖/(√2·h) by rounding, ε being that of a
/// gradient in float32. Holds two vectors of the parameters' length.
package final class HessianProduct {
    private let objective: any ChunkedObjective
    private let w: FlatVector
    private let point: FlatVector
    private let sink = GradientSum()

    package init(_ objective: any ChunkedObjective, at w: FlatVector) {
        (self.objective, self.w) = (objective, w)
        point = FlatVector(count: w.count)
    }

    /// product ← Hv of the chunk begun last, whose mean loss it is. Cost: two gradients.
    package func apply(to v: FlatVector, step h: Double, _ kinks: KinkRule, into product: FlatVector) throws {
        point.setSum(w, v, scaledBy: Float(h))
        sink.set(product, factor: Float(0.5 / h), overwrites: true)
        _ = try objective.evaluate(at: point, kinks, into: sink)
        point.setSum(w, v, scaledBy: Float(-h))
        sink.set(product, factor: Float(-0.5 / h), overwrites: false)
        _ = try objective.evaluate(at: point, kinks, into: sink)
    }

    /// vᵀHv ≈ (L(w + hv) + L(w − hv) − 2L(w))/h² of the chunk begun last. Cost: two forward passes.
    ///
    /// - Parameter loss: the mean loss at w.
    package func secondDifference(
        along v: FlatVector, step h: Double, _ kinks: KinkRule, loss: Double
    ) throws -> Double {
        point.setSum(w, v, scaledBy: Float(h))
        let above = try objective.evaluate(at: point, kinks, into: nil).loss
        point.setSum(w, v, scaledBy: Float(-h))
        let below = try objective.evaluate(at: point, kinks, into: nil).loss
        return ((above - loss) + (below - loss)) / (h * h)
    }

    /// ‖∇L(w + hv) − ∇L(w)‖ of the chunk begun last, whose gradient at w is given. Cost: one gradient.
    func change(along v: FlatVector, step h: Double, _ kinks: KinkRule, from gradient: FlatVector) throws -> Double {
        let difference = FlatVector(count: w.count)
        difference.copy(from: gradient)
        point.setSum(w, v, scaledBy: Float(h))
        sink.set(difference, factor: -1, overwrites: false)
        _ = try objective.evaluate(at: point, kinks, into: sink)
        return difference.norm
    }
}
