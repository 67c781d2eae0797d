import Objectives
import Vectors

/// The step h of central differences along random ±1 vectors, chosen once for all of them.
///
/// Of gradients: h = η·‖∇L‖/‖Hv‖ with η = 0.01, each step changes the gradient by a hundredth, so that
/// neither truncation (∝ h²) nor rounding (∝ 1/h) is above some 10⁻⁴ of the product. Of losses:
/// h = √(τ·L/|vᵀHv|) with τ = 7·10⁻⁴. Both from one trial on the first chunk, at 10⁻³ of the weights' norm;
/// a rule from norms alone would be wrong by orders of magnitude. Powers of two: w ± hv then rounds least.
package struct DifferenceStep: Sendable, Equatable {
    /// For a coordinate of ±1.
    package var h: Double
    /// h·‖v‖/‖w‖.
    package var relative: Double
    /// Estimate of the error by rounding, relative to ‖Hv‖ (of gradients) or |vᵀHv| (of losses).
    package var rounding: Double

    private static let gradientChange = 0.01
    private static let lossChange = 7e-4
    /// Of a gradient and of a loss in float32, relative; as large as measured (docs/curvature.md).
    private static let gradientRounding = 3e-6
    private static let lossRounding = 2e-7
    private static let trial = 1e-3

    /// Every process must call it; the result is the same on all. Cost on the process that has the first chunk: four
    /// gradients at most. One message of 16 bytes.
    package init(
        _ objective: any ChunkedObjective, at w: FlatVector, _ vectors: ProbeVectors, _ form: TraceForm,
        _ kinks: KinkRule, _ processes: any ProcessSums
    ) throws {
        let (norm, length) = (w.norm, Double(objective.layout.scalarCount).squareRoot())
        guard norm.isFinite else { throw ProbeError.notFinite("the norm of the weights") }
        var step = ExactTotal()
        if objective.chunks.contains(0) {
            let trial = Self.powerOfTwo(Self.trial * max(norm, 1e-3) / length)
            step += try Self.step(objective, w, vectors, form, kinks, trial)
        }
        h = try ExactTotal.addUp([step], processes)[0].value
        guard h.isFinite else { throw ProbeError.notFinite("the gradient of the first chunk") }
        guard h > 0 else { throw ProbeError.flat }
        relative = norm > 0 ? h * length / norm : .infinity
        rounding =
            form == .gradients
            ? Self.gradientRounding / (2.0.squareRoot() * Self.gradientChange) : Self.lossRounding / Self.lossChange
    }

    /// A step that the user gave.
    package init(h: Double, _ objective: any ChunkedObjective, at w: FlatVector) {
        precondition(h > 0)
        self.h = h
        relative = h * Double(objective.layout.scalarCount).squareRoot() / w.norm
        rounding = .nan
    }

    private static func step(
        _ objective: any ChunkedObjective, _ w: FlatVector, _ vectors: ProbeVectors, _ form: TraceForm,
        _ kinks: KinkRule, _ trial: Double
    ) throws -> Double {
        let (v, gradient) = (FlatVector(count: w.count), FlatVector(count: w.count))
        vectors.signs(round: 0, chunk: 0, into: v)
        let loss = try objective.begin(chunk: 0, at: w, into: GradientSum(gradient)).loss
        let product = HessianProduct(objective, at: w)
        let size = gradient.norm
        guard size.isFinite, loss.isFinite else { return .nan }
        // A trial far off is mended by a second one.
        var h = trial
        for _ in 0..<2 {
            let change = try product.change(along: v, step: h, kinks, from: gradient)
            guard change.isFinite else { return .nan }
            guard change > 0, size > 0 else { return 0 }
            h = min(max(h * gradientChange * size / change, h * 0x1p-14), h * 0x1p7)
        }
        if form == .losses {
            try product.apply(to: v, step: h, kinks, into: gradient)
            let curvature = abs(v.dot(gradient))
            guard curvature > 0, loss != 0 else { return 0 }
            h = min((lossChange * abs(loss) / curvature).squareRoot(), 16 * h)
        }
        return powerOfTwo(h)
    }

    private static func powerOfTwo(_ h: Double) -> Double {
        h > 0 && h.isFinite ? Double(sign: .plus, exponent: h.exponent, significand: 1) : h
    }
}
