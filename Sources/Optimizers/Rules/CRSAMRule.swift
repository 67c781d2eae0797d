import Objectives
import Vectors

extension Method {
    /// Curvature-regularized SAM: ρ, α, β.
    package static func crsam(
        perturbationRadius: Double, traceWeight: Double, normWeight: Double, regularizer: Regularizer
    ) -> Method {
        Method(
            .crsam, perturbationRadius: perturbationRadius, traceWeight: traceWeight, normWeight: normWeight,
            regularizer: regularizer)
    }
}

extension GradientRuleEntry {
    package static let crsam: GradientRuleEntry = GradientRuleEntry(
        "crsam", CRSAMRule.self, hyperparameters: [.perturbationRadius, .traceWeight, .normWeight],
        reduced: { method in
            let radius = method.perturbationRadius
            let isRegularized = method.traceWeight != 0 || method.normWeight != 0
            return radius == 0 ? .plain : isRegularized ? method : .sam(perturbationRadius: radius)
        },
        text: {
            "CR-SAM \($0.regularizer.rawValue), rho \($0.perturbationRadius), alpha \($0.traceWeight), "
                + "beta \($0.normWeight)"
        })
}

/// Curvature-regularized SAM (Wu, Luo and Wunsch, AAAI 2024, arXiv 2312.13555), in the form of a ``Regularizer``.
package final class CRSAMRule: GradientRule {
    package static let gradientEvaluationsPerGroup = 3
    private let method: Method
    private let work: WorkVectors
    private let direction: AscentDirection
    private let ascentPass = GradientSum()
    private let descentPass = GradientSum()
    /// Nil in the linear form, and in the log form before the first step.
    private var combination: LogCombination?

    package init(_ method: Method, parameterCount: Int) {
        self.method = method
        work = WorkVectors(parameterCount: parameterCount)
        direction = AscentDirection(radius: method.perturbationRadius)
    }

    package func setPerturbationRadius(_ radius: Double) { direction.radius = radius }

    private var isLog: Bool { method.regularizer == .log }
    package var vectorBytesPerGroup: Int { work.bytes(passes: 8) }
    package func largestWorkVectorCount(groups: Int) -> Int { isLog ? 3 : 1 }
    package var workVectorCount: Int { work.count }

    package func evaluate(
        _ objective: any GroupedObjective, at weights: FlatVector, into sink: any GradientSink
    ) throws -> StepTerms {
        work.requireLength(of: objective, weights, sink)
        var terms = StepTerms()
        var losses = BatchLosses()
        let groups = objective.groupCount
        if groups == 0 { sink.sum.fill(0) }
        let combination = beginCombination(objective, into: sink)
        // The log form's are not known before the last pass: they follow in its combination.
        let factors = isLog ? .ones : Coefficients(trace: method.traceWeight, norm: method.normWeight)
        for group in 0..<groups {
            let weight = objective.weight(ofGroup: group)
            let (isFirst, isLast) = (group == 0, group == groups - 1)
            let point = work[.point]
            let step = try direction.evaluate(objective, group: group, at: weights, into: point, &terms)
            point.accumulate(
                into: sink.sum, scaledBy: Float(weight * factors.clean), overwriting: isFirst, thenStep: step,
                from: weights)
            // In the log form each of the three has a sum of its own, in the linear form all are in G.
            ascentPass.set(
                isLog ? work[.ascentSum] : sink.sum, factor: Float(weight * factors.ascent),
                overwrites: isLog && isFirst)
            let ascent = try objective.evaluate(group: group, pass: .ascent, at: point, into: ascentPass)
            losses.ascent.add(ascent.loss, weight: weight)

            point.reflect(at: weights)
            losses.clean = terms.loss
            if isLast { combination?.beginLastPass(losses, weight: weight) }
            descentPass.set(
                isLog ? work[.descentSum] : sink.sum, factor: Float(weight * factors.descent),
                overwrites: isLog && isFirst, next: isLast ? combination ?? sink : nil)
            let descent = try objective.evaluate(group: group, pass: .descent, at: point, into: descentPass)
            losses.descent.add(descent.loss, weight: weight)
        }
        work.dropUnlessFinite(terms.gradientNorm)
        terms.add(losses, radius: direction.radius)
        if let coefficients = try combination?.end(losses) { terms.addSkipped(of: coefficients) }
        return terms
    }

    private func beginCombination(_ objective: any GroupedObjective, into sink: any GradientSink) -> LogCombination? {
        guard isLog else { return nil }
        let combination =
            self.combination
            ?? LogCombination(
                traceWeight: method.traceWeight, normWeight: method.normWeight, ascentSum: work[.ascentSum],
                descentSum: work[.descentSum])
        self.combination = combination
        combination.begin(objective, into: sink)
        return combination
    }
}
