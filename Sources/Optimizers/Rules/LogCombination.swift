import Objectives
import Vectors

/// What becomes of the three sums of CR-SAM's log form: G ← c₊·Σg⁺ + c₀·Σg0 + c₋·Σg⁻, range by range as the last
/// group's descent pass is ready. G holds Σg0 before.
final class LogCombination: GradientSink {
    private(set) var sum: FlatVector
    /// Once the batch's losses are known.
    private(set) var coefficients: Coefficients?
    private let traceWeight: Double
    private let normWeight: Double
    private let ascentSum: FlatVector
    private let descentSum: FlatVector
    private var objective: (any GroupedObjective)?
    private var losses = BatchLosses()
    private var weight = 0.0
    /// Entries from here on are combined.
    private var combined = 0
    private var next: (any GradientSink)?

    init(traceWeight: Double, normWeight: Double, ascentSum: FlatVector, descentSum: FlatVector) {
        self.traceWeight = traceWeight
        self.normWeight = normWeight
        self.ascentSum = ascentSum
        self.descentSum = descentSum
        sum = ascentSum
    }

    /// For another step.
    func begin(_ objective: any GroupedObjective, into next: any GradientSink) {
        self.objective = objective
        self.next = next
        sum = next.sum
        coefficients = nil
        combined = sum.count
    }

    /// Before the last descent pass.
    ///
    /// - Parameters:
    ///   - losses: of this process so far.
    ///   - weight: of the pass's own.
    func beginLastPass(_ losses: BatchLosses, weight: Double) {
        self.losses = losses
        self.weight = weight
    }

    /// The third losses are known before the third backward pass begins, and so are the coefficients.
    func evaluated(_ result: Evaluation) throws {
        losses.descent.add(result.loss, weight: weight)
        try sumOverBatch(losses)
    }

    func ready(from start: Int) throws {
        if let factors = coefficients {
            sum.combine(
                Float(factors.ascent), ascentSum, Float(factors.clean), sum, Float(factors.descent), descentSum,
                in: start..<combined)
        }
        combined = start
        try next?.ready(from: start)
    }

    /// A process without groups has no last pass; its losses are summed all the same.
    func end(_ losses: BatchLosses) throws -> Coefficients? {
        defer { (objective, next) = (nil, nil) }
        if coefficients == nil { try sumOverBatch(losses) }
        return coefficients
    }

    private func sumOverBatch(_ losses: BatchLosses) throws {
        var batch = losses
        try objective?.sumOverBatch(&batch)
        coefficients = Coefficients(traceWeight: traceWeight, normWeight: normWeight, batch)
    }
}
