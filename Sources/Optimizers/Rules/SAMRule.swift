import Objectives
import Vectors

extension Method {
    /// Sharpness-aware minimization.
    package static func sam(perturbationRadius: Double) -> Method {
        Method(.sam, perturbationRadius: perturbationRadius)
    }
}

extension GradientRuleEntry {
    package static let sam: GradientRuleEntry = GradientRuleEntry(
        "sam", SAMRule.self, hyperparameters: [.perturbationRadius],
        reduced: { $0.perturbationRadius == 0 ? .plain : .sam(perturbationRadius: $0.perturbationRadius) },
        text: { "SAM, rho \($0.perturbationRadius)" })
}

/// Sharpness-aware minimization (Foret et al., ICLR 2021): G = g⁺ at w + ε, ε = ρ·g0/‖g0‖.
package final class SAMRule: GradientRule {
    package static let gradientEvaluationsPerGroup = 2
    private let work: WorkVectors
    private let direction: AscentDirection
    private let pass = GradientSum()

    package init(_ method: Method, parameterCount: Int) {
        work = WorkVectors(parameterCount: parameterCount)
        direction = AscentDirection(radius: method.perturbationRadius)
    }

    package func setPerturbationRadius(_ radius: Double) { direction.radius = radius }

    package var vectorBytesPerGroup: Int { work.bytes(passes: 4) }
    package func largestWorkVectorCount(groups: Int) -> Int { 1 }
    package var workVectorCount: Int { work.count }

    package func evaluate(
        _ objective: any GroupedObjective, at weights: FlatVector, into sink: any GradientSink
    ) throws -> StepTerms {
        work.requireLength(of: objective, weights, sink)
        var terms = StepTerms()
        var ascentLoss = 0.0
        let groups = objective.groupCount
        if groups == 0 { sink.sum.fill(0) }
        for group in 0..<groups {
            let weight = objective.weight(ofGroup: group)
            let point = work[.point]
            let step = try direction.evaluate(objective, group: group, at: weights, into: point, &terms)
            point.setSum(weights, point, scaledBy: step)
            pass.set(
                sink.sum, factor: Float(weight), overwrites: group == 0, next: group == groups - 1 ? sink : nil)
            let ascent = try objective.evaluate(group: group, pass: .ascent, at: point, into: pass)
            ascentLoss.add(ascent.loss, weight: weight)
        }
        work.dropUnlessFinite(terms.gradientNorm)
        terms.ascentLoss = ascentLoss
        return terms
    }
}
