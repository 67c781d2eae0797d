import Vectors

/// This process's part of the mean over a whole batch, as one objective: Σ weight_k · (mean gradient of group k).
/// Summed over all processes it is the batch's.
package final class BatchMean: Objective {
    private let groups: any GroupedObjective
    private let parts = GradientParts()

    package init(of groups: any GroupedObjective) { self.groups = groups }

    package var parameterCount: Int { groups.parameterCount }

    /// Updates no running statistics.
    package func evaluate(at point: FlatVector, into sink: any GradientSink) throws -> Evaluation {
        let held = (0..<groups.groupCount).filter { groups.weight(ofGroup: $0) > 0 }
        guard let first = held.first, let last = held.last else { return try sink.evaluateNothing() }
        return try parts.forward(to: sink) {
            for group in held {
                let weight = groups.weight(ofGroup: group)
                parts.begin(isFirst: group == first, isLast: group == last, scaledBy: Float(weight))
                // Not the clean pass, which updates statistics.
                try groups.evaluate(group: group, pass: .ascent, at: point, into: parts)
            }
        }
    }
}
