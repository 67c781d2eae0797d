import Objectives
import Vectors

/// The vectors that a rule works in, each allocated lazily.
package final class WorkVectors {
    package enum Purpose: Int, CaseIterable {
        /// g0 of one group, then w + ε, then w − ε = 2w − (w + ε).
        case point
        /// Log form: Σ weight·g⁺ and Σ weight·g⁻, until the batch's losses give the coefficients.
        case ascentSum, descentSum
    }

    package let parameterCount: Int
    private var vectors = [FlatVector?](repeating: nil, count: Purpose.allCases.count)

    package init(parameterCount: Int) { self.parameterCount = parameterCount }

    /// Allocated so far.
    package var count: Int { vectors.count { $0 != nil } }

    /// Bytes of so many passes over a vector.
    package func bytes(passes: Int) -> Int { passes * parameterCount * MemoryLayout<Float>.stride }

    package subscript(purpose: Purpose) -> FlatVector {
        if let vector = vectors[purpose.rawValue] { return vector }
        let vector = FlatVector(count: parameterCount)
        vectors[purpose.rawValue] = vector
        return vector
    }

    /// After each evaluation, with Σ weight·‖g0‖. NaN times the zeros of the padding is NaN, and no later pass would
    /// overwrite it.
    package func dropUnlessFinite(_ norm: Double) {
        if !norm.isFinite { vectors[Purpose.point.rawValue] = nil }
    }

    package func requireLength(of objective: any GroupedObjective, _ weights: FlatVector, _ sink: any GradientSink) {
        precondition(objective.parameterCount == parameterCount)
        precondition(weights.count == parameterCount && sink.sum.count == parameterCount)
        precondition(sink.sum.pointer != weights.pointer)
    }
}
