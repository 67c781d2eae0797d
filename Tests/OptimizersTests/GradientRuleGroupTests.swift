import Foundation
import Objectives
import Optimizers
import Testing
import Vectors

private let start: [Double] = [0.75, -0.5, 1.25]
private let radius = 0.25
private let methods: [Method] = [
    .plain, .sam(perturbationRadius: radius),
    .crsam(perturbationRadius: radius, traceWeight: 0.5, normWeight: 0.25, regularizer: .linear),
    .crsam(perturbationRadius: radius, traceWeight: 0.5, normWeight: 0.25, regularizer: .log),
]

/// Σ weight·G and the batch's losses, in Double, from the definitions.
private func reference(
    _ method: Method, _ groups: [(weight: Double, function: AnalyticFunction)]
) -> (gradient: [Double], losses: BatchLosses) {
    let passes = groups.map { ($0.weight, ReferencePasses($0.function, at: start, radius: radius)) }
    var losses = BatchLosses()
    for (weight, pass) in passes {
        losses.clean += weight * pass.clean.loss
        losses.ascent += weight * pass.ascent.loss
        losses.descent += weight * pass.descent.loss
    }
    var gradient = [0.0, 0, 0]
    for (weight, pass) in passes {
        let group: [Double]
        switch (method.rule.name, method.regularizer) {
        case ("sgd", _): group = pass.clean.gradient
        case ("sam", _): group = pass.ascent.gradient
        case (_, .linear): group = pass.combined(trace: method.traceWeight, norm: method.normWeight)
        case (_, .log):
            group = pass.combined(
                trace: method.traceWeight / (losses.ascent + losses.descent - 2 * losses.clean),
                norm: method.normWeight / (losses.ascent - losses.descent))
        }
        gradient = sum(gradient, weight, group)
    }
    return (gradient, losses)
}

private func evaluate(
    _ rule: any GradientRule, _ objective: any GroupedObjective
) throws -> (gradient: [Double], terms: StepTerms) {
    let gradient = FlatVector(count: 3)
    gradient.fill(.nan)
    let terms = try rule.evaluate(objective, at: FlatVector(start.map(Float.init)), into: GradientSum(gradient))
    return (gradient.doubles, terms)
}

/// Takes down what is called ready, and how it looked then.
private final class ReadyParts: GradientSink {
    let sum = FlatVector(count: 3)
    private(set) var parts: [(start: Int, values: [Float])] = []

    func ready(from start: Int) { parts.append((start, Array(sum.array[start...]))) }
}

@Suite struct GradientRuleGroupTests {
    @Test(arguments: methods, [1, 2, 5])
    func `what is called final during the last backward pass is G already`(method: Method, count: Int) throws {
        let objective = AnalyticObjective((0..<count).map { (1 / Double(count), AnalyticFunction.sample($0)) })
        let rule = try method.makeRule(parameterCount: 3)
        let sink = ReadyParts()
        sink.sum.fill(.nan)
        _ = try rule.evaluate(objective, at: FlatVector(start.map(Float.init)), into: sink)
        for part in sink.parts { #expect(part.values == Array(sink.sum.array[part.start...]), "from \(part.start)") }
        #expect(sink.parts.map(\.start) == [3, 2, 1, 0])
    }

    @Test(arguments: methods, [1, 2, 5])
    func `K groups give the weighted sum of their own G, each with its own ε`(method: Method, count: Int) throws {
        let groups = (0..<count).map { (1 / Double(count), AnalyticFunction.sample($0)) }
        let rule = try method.makeRule(parameterCount: 3)
        let (gradient, terms) = try evaluate(rule, AnalyticObjective(groups))
        let expected = reference(method, groups)
        #expect(distance(gradient, expected.gradient) < 1e-5)
        #expect(abs(terms.loss - expected.losses.clean) < 1e-6)
        if let ascent = terms.ascentLoss { #expect(abs(ascent - expected.losses.ascent) < 1e-6) }
        if let descent = terms.descentLoss { #expect(abs(descent - expected.losses.descent) < 1e-6) }
        let norm = groups.reduce(0) {
            let g0 = $1.1.gradient(start)
            return $0 + $1.0 * dot(g0, g0).squareRoot()
        }
        #expect(abs(terms.gradientNorm - norm) < 1e-6)
        #expect(terms.correct == count * (count + 1) / 2 && terms.sampleCount == 10 * count)
    }

    @Test(arguments: methods) func `unequal weights count, also where there is one group`(method: Method) throws {
        for groups in [[(0.25, AnalyticFunction.sample(0)), (0.75, .sample(3))], [(0.25, AnalyticFunction.sample(0))]] {
            let rule = try method.makeRule(parameterCount: 3)
            let gradient = try evaluate(rule, AnalyticObjective(groups)).gradient
            #expect(distance(gradient, reference(method, groups).gradient) < 1e-5)
        }
    }

    @Test(arguments: zip(methods, [[0, 1], [1, 1], [1, 1], [3, 3]]))
    func `work vectors are as few as documented and allocated once`(method: Method, expected: [Int]) throws {
        let rule = try method.makeRule(parameterCount: 3)
        for (groupCount, count) in zip([1, 3], expected) {
            let groups = (0..<groupCount).map { (1 / Double(groupCount), AnalyticFunction.sample($0)) }
            let first = try evaluate(rule, AnalyticObjective(groups))
            #expect(rule.workVectorCount == count)
            let again = try evaluate(rule, AnalyticObjective(groups))
            #expect(again == first, "nothing is left over from the step before")
            #expect(rule.workVectorCount == count)
        }
    }

    @Test(arguments: methods) func `what a step with other groups left behind does not matter`(method: Method) throws {
        let rule = try method.makeRule(parameterCount: 3)
        let three = AnalyticObjective((0..<3).map { (1 / 3, .sample($0)) })
        let one = AnalyticObjective([(0.5, .sample(4))])
        let fresh = try evaluate(method.makeRule(parameterCount: 3), one)
        _ = try evaluate(rule, three)
        #expect(try evaluate(rule, one) == fresh)
    }

    @Test(arguments: methods) func `a process without groups yields zeros and reaches the same collectives`(
        method: Method
    ) throws {
        let rule = try method.makeRule(parameterCount: 3)
        let objective = AnalyticObjective([])
        let (gradient, terms) = try evaluate(rule, objective)
        #expect(gradient == [0, 0, 0])
        #expect(objective.calls == (method == methods[3] ? [.sumOverBatch] : []))
        #expect(terms.loss == 0 && terms.sampleCount == 0)
        let other = try evaluate(rule, AnalyticObjective(.sample(0))).terms
        #expect((terms.ascentLoss == nil) == (other.ascentLoss == nil))
        #expect((terms.curvature == nil) == (other.curvature == nil))
    }

    @Test(arguments: methods) func `an empty share of a group is called for, and its loss is not read`(
        method: Method
    ) throws {
        let empty = AnalyticFunction.sample(0)
        let rule = try method.makeRule(parameterCount: 3)
        let alone = AnalyticObjective([(0, empty)])
        #expect(try evaluate(rule, alone).gradient == [0, 0, 0])
        #expect(alone.calls.contains(.average(group: 0)) == (method != .plain))
        let groups = [(0, empty), (0.5, AnalyticFunction.sample(1))]
        let second = AnalyticObjective(groups)
        let result = try evaluate(rule, second)
        #expect(second.calls.count { $0 == .average(group: 0) } == (method == .plain ? 0 : 1))
        #expect(distance(result.gradient, reference(method, [groups[1]]).gradient) < 1e-5)
        #expect(result.terms.loss.isFinite && result.terms.gradientNorm.isFinite)
    }

    @Test(arguments: methods) func `the passes come group by group, each direction averaged before it is used`(
        method: Method
    ) throws {
        let objective = AnalyticObjective([(0.5, .sample(0)), (0.5, .sample(1))])
        let rule = try method.makeRule(parameterCount: 3)
        _ = try evaluate(rule, objective)
        var expected: [Call] = []
        for group in 0..<2 {
            expected.append(.evaluate(group: group, pass: .clean))
            if method != .plain { expected += [.average(group: group), .evaluate(group: group, pass: .ascent)] }
            if rule.gradientEvaluationsPerGroup == 3 { expected.append(.evaluate(group: group, pass: .descent)) }
        }
        if method == methods[3] { expected.append(.sumOverBatch) }
        #expect(objective.calls == expected)
    }
}

/// An exchange between two threads that play two ranks. A rank that the other does not meet, or that meets it in
/// another collective, throws instead of hanging.
// Sound to send: every access to the mutable state holds the condition's lock.
private final class Exchange: @unchecked Sendable {
    enum Failure: Error { case ranksDiffer, notMet }
    private let condition = NSCondition()
    private var round = 0
    private var waiting: (name: String, values: [Double])?
    private var result: [Double]?

    /// The sum of both ranks' values, for both.
    func sum(_ name: String, _ values: [Double]) throws -> [Double] {
        condition.lock()
        defer { condition.unlock() }
        let entered = round
        if let first = waiting {
            waiting = nil
            round += 1
            result = first.name == name ? zip(first.values, values).map { $0 + $1 } : nil
            condition.broadcast()
        } else {
            waiting = (name, values)
            let limit = Date(timeIntervalSinceNow: 20)
            while round == entered { if !condition.wait(until: limit) { throw Failure.notMet } }
        }
        guard let result else { throw Failure.ranksDiffer }
        return result
    }
}

/// One rank's part of a batch of three samples: group 0 is samples 0 and 1, of which each rank holds one, as where M
/// is larger than a rank's share; group 1 is sample 2, wholly on rank 0, so that rank 1 has an empty share of it.
private final class RankObjective: GroupedObjective {
    let parameterCount = 3
    let groupCount = 2
    private let rank: Int
    private let exchange: Exchange
    private(set) var collectives: [Call] = []

    init(rank: Int, _ exchange: Exchange) { (self.rank, self.exchange) = (rank, exchange) }

    func weight(ofGroup group: Int) -> Double { group == 1 && rank == 1 ? 0 : 1 / 3 }

    func evaluate(group: Int, pass: Pass, at point: FlatVector, into sink: any GradientSink) throws -> Evaluation {
        guard weight(ofGroup: group) > 0 else { return try sink.evaluateNothing() }
        let function = AnalyticFunction.sample(group == 0 ? rank : 2)
        let found = Evaluation(loss: function.loss(point.doubles), correct: 1)
        try sink.evaluated(found)
        sink.accumulate(0..<3, function.gradient(point.doubles).map(Float.init))
        try sink.ready(from: 0)
        return found
    }

    func averageDirection(ofGroup group: Int, _ gradient: FlatVector) throws {
        collectives.append(.average(group: group))
        let weight = weight(ofGroup: group)
        let mine = weight == 0 ? [0, 0, 0] : gradient.doubles.map { $0 * weight }
        let total = try exchange.sum("average \(group)", mine + [weight])
        gradient.copy(from: FlatVector(total[..<3].map { Float($0 / total[3]) }))
    }

    func sumOverBatch(_ losses: inout BatchLosses) throws {
        collectives.append(.sumOverBatch)
        let total = try exchange.sum("losses", [losses.clean, losses.ascent, losses.descent])
        losses = BatchLosses(clean: total[0], ascent: total[1], descent: total[2])
    }
}

/// The result of one simulated rank.
// Sound to send: each thread writes its own, before the semaphore that the reader waits for.
private final class RankResult: @unchecked Sendable {
    var gradient: [Double] = []
    var terms = StepTerms()
    var collectives: [Call] = []
    var failure: (any Error)?
}

@Suite struct TwoRankTests {
    @Test(arguments: methods[1...])
    func `two ranks that share a group sum to what one process finds for the whole batch`(
        method: Method
    ) throws {
        let exchange = Exchange()
        let results = [RankResult(), RankResult()]
        let finished = DispatchSemaphore(value: 0)
        for rank in 0..<2 {
            Thread {
                let result = results[rank]
                do {
                    let objective = RankObjective(rank: rank, exchange)
                    let rule = try method.makeRule(parameterCount: 3)
                    (result.gradient, result.terms) = try evaluate(rule, objective)
                    result.collectives = objective.collectives
                } catch {
                    result.failure = error
                }
                finished.signal()
            }.start()
        }
        for _ in 0..<2 { finished.wait() }
        for result in results { if let failure = result.failure { throw failure } }

        // The same batch in one process: group 0 is the mean of samples 0 and 1.
        let (first, second) = (AnalyticFunction.sample(0), AnalyticFunction.sample(1))
        let shared = AnalyticFunction(
            loss: { (first.loss($0) + second.loss($0)) / 2 },
            gradient: { sum(first.gradient($0), 1, second.gradient($0)).map { $0 / 2 } })
        let expected = reference(method, [(2.0 / 3, shared), (1.0 / 3, .sample(2))])
        #expect(distance(sum(results[0].gradient, 1, results[1].gradient), expected.gradient) < 1e-5)
        #expect(abs(results[0].terms.loss + results[1].terms.loss - expected.losses.clean) < 1e-6)
        #expect(results[0].terms.sampleCount + results[1].terms.sampleCount == 3)
        #expect(results[0].collectives == results[1].collectives)
        var collectives: [Call] = [.average(group: 0), .average(group: 1)]
        if method == methods[3] { collectives.append(.sumOverBatch) }
        #expect(results[0].collectives == collectives)
    }
}
