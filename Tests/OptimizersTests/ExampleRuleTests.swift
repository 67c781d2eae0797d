import Objectives
import Optimizers
import Testing
import Vectors

extension GradientRuleEntry {
    fileprivate static let normPenalty = GradientRuleEntry(
        "norm-penalty", NormPenaltyRule.self, hyperparameters: [.perturbationRadius, .normWeight],
        text: { "norm penalty, rho \($0.perturbationRadius), beta \($0.normWeight)" })
}

/// A penalty on the gradient's norm (Zhao et al., ICML 2022): G = (1 − β)·g0 + β·g⁺. The example of
/// `docs/extending.md`: a rule from outside the module, in one file.
private final class NormPenaltyRule: GradientRule {
    static let gradientEvaluationsPerGroup = 2
    private let normWeight: Double
    private let work: WorkVectors
    private let direction: AscentDirection
    private let pass = GradientSum()

    init(_ method: Method, parameterCount: Int) {
        normWeight = method.normWeight
        work = WorkVectors(parameterCount: parameterCount)
        direction = AscentDirection(radius: method.perturbationRadius)
    }

    var vectorBytesPerGroup: Int { work.bytes(passes: 6) }
    func largestWorkVectorCount(groups: Int) -> Int { 1 }
    var workVectorCount: Int { work.count }

    func evaluate(
        _ objective: any GroupedObjective, at weights: FlatVector, into sink: any GradientSink
    ) throws -> StepTerms {
        work.requireLength(of: objective, weights, sink)
        var terms = StepTerms()
        var ascentLoss = 0.0
        let groups = objective.groupCount
        if groups == 0 { sink.sum.fill(0) }
        for group in 0..<groups {
            let weight = objective.weight(ofGroup: group)
            // g0 of the group, averaged over the ranks that share it; ρ/‖g0‖.
            let point = work[.point]
            let step = try direction.evaluate(objective, group: group, at: weights, into: point, &terms)
            // G ← [G +] weight·(1 − β)·g0, then point ← w + ε, in one pass.
            point.accumulate(
                into: sink.sum, scaledBy: Float(weight * (1 - normWeight)), overwriting: group == 0, thenStep: step,
                from: weights)
            // G ← G + weight·β·g⁺, and what is ready in the last group's pass leaves for the other ranks.
            pass.set(
                sink.sum, factor: Float(weight * normWeight), overwrites: false,
                next: group == groups - 1 ? sink : nil)
            let ascent = try objective.evaluate(group: group, pass: .ascent, at: point, into: pass)
            ascentLoss.add(ascent.loss, weight: weight)
        }
        work.dropUnlessFinite(terms.gradientNorm)
        terms.ascentLoss = ascentLoss
        return terms
    }
}

@Suite struct ExampleRuleTests {
    @Test(arguments: [1, 3]) func `a rule from outside the module is one file and one row`(count: Int) throws {
        let start: [Double] = [0.75, -0.5, 1.25]
        let groups = (0..<count).map { (1 / Double(count), AnalyticFunction.sample($0)) }
        let entry = GradientRuleEntry.normPenalty
        let method = Method(entry, perturbationRadius: 0.25, normWeight: 0.75)
        let rule = entry.type.init(entry.reduced(method), parameterCount: 3)
        let gradient = FlatVector(count: 3)
        gradient.fill(.nan)
        let objective = AnalyticObjective(groups)
        let terms = try rule.evaluate(objective, at: FlatVector(start.map(Float.init)), into: GradientSum(gradient))
        var expected = [0.0, 0, 0]
        for (weight, function) in groups {
            let passes = ReferencePasses(function, at: start, radius: 0.25)
            expected = sum(expected, weight * 0.25, passes.clean.gradient)
            expected = sum(expected, weight * 0.75, passes.ascent.gradient)
        }
        #expect(distance(gradient.doubles, expected) < 1e-5)
        #expect(terms.ascentLoss != nil && terms.sampleCount == 10 * count)
        #expect(objective.calls.count { if case .evaluate = $0 { true } else { false } } == count * 2)
        #expect(entry.text(method) == "norm penalty, rho 0.25, beta 0.75")
    }

    @Test func `each row of the catalog makes its rule and describes it`() throws {
        #expect(methodCatalog.names == ["sgd", "sam", "crsam"])
        for entry in methodCatalog.entries {
            let method = Method(entry, perturbationRadius: 0.5, traceWeight: 0.25, normWeight: 0.125)
            let rule = try method.makeRule(parameterCount: 3)
            #expect(type(of: rule) == entry.type)
            #expect(rule.gradientEvaluationsPerGroup == method.gradientEvaluationsPerGroup)
        }
        #expect(Method(.plain, perturbationRadius: 0.5).text == "plain gradients")
        #expect(Method.sam(perturbationRadius: 0.5).text == "SAM, rho 0.5")
        #expect(
            Method(.crsam, perturbationRadius: 0.5, traceWeight: 0.25, regularizer: .log).text
                == "CR-SAM log, rho 0.5, alpha 0.25, beta 0.0")
    }
}
