import Vectors

/// This process's part of the mean over a whole batch, as one objective: Σ weight_k · (loss and gradient of group k).
/// Summed over all processes it is the batch's mean.
package final class BatchMean: Objective {
    private let groups: any GroupedObjective

    package init(of groups: any GroupedObjective) { self.groups = groups }

    package var parameterCount: Int { groups.parameterCount }

    /// The loss is the weighted sum too, and 0 where this process has no samples. Moves no running statistics.
    package func evaluate(at point: FlatVector, into target: GradientTarget) throws -> Evaluation {
        var result = Evaluation(loss: 0, correct: 0, sampleCount: 0)
        if target.overwrites { target.sum.fill(0) }
        for group in 0..<groups.groupCount {
            let weight = groups.weight(ofGroup: group)
            guard weight > 0 else { continue }
            let part = GradientTarget(target.sum, factor: target.factor * Float(weight), overwrites: false)
            // No clean pass, as that is the one which moves statistics.
            let found = try groups.evaluate(group: group, pass: .ascent, at: point, into: part)
            result.loss += weight * found.loss
            result.correct += found.correct
            result.sampleCount += found.sampleCount
        }
        return result
    }
}
