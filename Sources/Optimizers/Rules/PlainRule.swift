import Objectives
import Vectors

extension Method {
    /// G = g0
    package static let plain: Method = Method(GradientRuleEntry.plain)
}

extension GradientRuleEntry {
    package static let plain: GradientRuleEntry = GradientRuleEntry(
        "sgd", PlainRule.self, reduced: { _ in .plain }, text: { _ in "plain gradients" })
}

/// Plain training: G = g0.
package final class PlainRule: GradientRule {
    package static let gradientEvaluationsPerGroup = 1
    private let work: WorkVectors
    private let pass = PlainPass()

    package init(_ method: Method, parameterCount: Int) { work = WorkVectors(parameterCount: parameterCount) }

    package var vectorBytesPerGroup: Int { 0 }
    package func largestWorkVectorCount(groups: Int) -> Int { groups > 1 ? 1 : 0 }
    package var workVectorCount: Int { work.count }

    package func evaluate(
        _ objective: any GroupedObjective, at weights: FlatVector, into sink: any GradientSink
    ) throws -> StepTerms {
        work.requireLength(of: objective, weights, sink)
        var terms = StepTerms()
        let (gradient, groups) = (sink.sum, objective.groupCount)
        if groups != 1 { gradient.fill(0) }
        for group in 0..<groups {
            let weight = objective.weight(ofGroup: group)
            // One group's g0 can live in G itself; of several, G holds the sum.
            pass.begin(
                groups == 1 ? gradient : work[.point], addingTo: gradient, weight: weight,
                next: group == groups - 1 ? sink : nil)
            terms.addClean(try objective.evaluate(group: group, pass: .clean, at: weights, into: pass), weight: weight)
            terms.gradientNorm.add(pass.squaredNorm.squareRoot(), weight: weight)
        }
        work.dropUnlessFinite(terms.gradientNorm)
        return terms
    }
}

/// Adds the gradient of a group to G piece by piece, and its square to ‖g0‖² while the pieces are this process's alone.
private final class PlainPass: GradientSink {
    private(set) var sum = FlatVector(count: 0)
    private(set) var squaredNorm = 0.0
    private var gradient = FlatVector(count: 0)
    private var weight = 1.0
    /// Entries from here on are added.
    private var added = 0
    private var next: (any GradientSink)?

    /// - Parameter sum: takes the group's own gradient; it may be `gradient` itself.
    func begin(_ sum: FlatVector, addingTo gradient: FlatVector, weight: Double, next: (any GradientSink)?) {
        self.sum = sum
        self.gradient = gradient
        self.weight = weight
        self.next = next
        squaredNorm = 0
        added = sum.count
    }

    func ready(from start: Int) throws {
        let range = start..<added
        squaredNorm += sum.squaredNorm(in: range)
        if sum !== gradient {
            gradient.add(sum, scaledBy: Float(weight), in: range)
        } else if weight != 1 {
            gradient.scale(by: Float(weight), in: range)
        }
        added = start
        try next?.ready(from: start)
    }
}
