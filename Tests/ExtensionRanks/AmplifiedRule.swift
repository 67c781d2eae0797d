import Objectives
import Optimizers
import Vectors

extension GradientRuleEntry {
    static let amplified = GradientRuleEntry(
        "amplified", AmplifiedRule.self, hyperparameters: [.normWeight],
        text: { "plain gradients, times 1 + \($0.normWeight)" })
}

/// The least of a rule: G = (1 + β)·g0. One that perturbs is in `docs/extending.md`.
final class AmplifiedRule: GradientRule {
    static let gradientEvaluationsPerGroup = 1
    private let factor: Double
    private let work: WorkVectors
    private let pass = GradientSum()

    init(_ method: Method, parameterCount: Int) {
        factor = 1 + method.normWeight
        work = WorkVectors(parameterCount: parameterCount)
    }

    var vectorBytesPerGroup: Int { work.bytes(passes: 4) }
    func largestWorkVectorCount(groups: Int) -> Int { 1 }
    var workVectorCount: Int { work.count }

    func evaluate(
        _ objective: any GroupedObjective, at weights: FlatVector, into sink: any GradientSink
    ) throws -> StepTerms {
        work.requireLength(of: objective, weights, sink)
        var terms = StepTerms()
        sink.sum.fill(0)
        for group in 0..<objective.groupCount {
            let weight = objective.weight(ofGroup: group)
            pass.set(work[.point], overwrites: true)
            terms.addClean(try objective.evaluate(group: group, pass: .clean, at: weights, into: pass), weight: weight)
            terms.gradientNorm.add(work[.point].norm, weight: weight)
            sink.sum.add(work[.point], scaledBy: Float(weight * factor))
        }
        work.dropUnlessFinite(terms.gradientNorm)
        if objective.groupCount > 0 { try sink.ready(from: 0) }
        return terms
    }
}
