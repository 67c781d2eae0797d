import Objectives
import Vectors

/// The gradient G that a step descends, for plain training, SAM and CR-SAM: every one of them is
///
///     G = Σ_k weight_k · (c₊ g⁺_k + c₀ g0_k + c₋ g⁻_k)
///
/// over groups k of samples that share an ascent direction, with the coefficients
///
/// | method | c₊ | c₀ | c₋ |
/// |---|---|---|---|
/// | plain | – | 1 | – |
/// | SAM | 1 | – | – |
/// | CR-SAM | 1 + a + b | −2a | a − b |
///
/// where a = α, b = β in the linear form and a = α/(L⁺ + L⁻ − 2L⁰), b = β/(L⁺ − L⁻), with the whole batch's losses,
/// in the log form.
///
/// Work vectors come up on first use and stay: a step allocates nothing once one batch with as many groups was seen.
///
/// | method | work vectors |
/// |---|---|
/// | plain | 0, or 1 for several groups |
/// | SAM | 1 |
/// | CR-SAM linear | 1 |
/// | CR-SAM log | 3 |
package final class GradientRule {
    /// The log form leaves a term out of a step whose loss difference (L⁺ + L⁻ − 2L⁰ for the trace term, L⁺ − L⁻ for
    /// the norm term) is at most this, in units of the loss: on a non-convex loss a difference can be zero or
    /// negative, where its logarithm is undefined, and below this size it is rounding noise of float32 passes.
    package static let logDifferenceFloor = 1e-6

    /// Added to ‖g0‖ where it divides, as the authors' code does: ε is 0, not NaN, where the gradient is.
    package static let normGuard = 1e-12

    package let method: Method
    /// Forward and backward passes for each group of samples: 1, 2 or 3.
    package var gradientEvaluationsPerGroup: Int { method.gradientEvaluationsPerGroup }
    /// What the rule itself reads and writes between the passes for each group: the norm, the turns of the point and,
    /// for CR-SAM, the clean gradient's share of G.
    package var vectorBytesPerGroup: Int {
        let vectors = radius > 0 ? (regularizer == nil ? 4 : 8) : 0
        return vectors * parameterCount * MemoryLayout<Float>.stride
    }
    /// Work vectors that a step with so many groups allocates at most.
    package func largestWorkVectorCount(groups: Int) -> Int {
        radius > 0 ? (regularizer == .log ? 3 : 1) : groups > 1 ? 1 : 0
    }
    /// Work vectors allocated so far, each of `parameterCount` floats.
    package var workVectorCount: Int { work.count { $0 != nil } }

    private let parameterCount: Int
    private let radius: Double
    private let regularizer: Regularizer?
    private let traceWeight: Double
    private let normWeight: Double
    private var work = [FlatVector?](repeating: nil, count: WorkVector.allCases.count)

    private enum WorkVector: Int, CaseIterable {
        /// g0 of one group, then w + ε, then w − ε = 2w − (w + ε).
        case point
        /// Log form: Σ weight·g⁺ and Σ weight·g⁻, until the batch's losses give the coefficients.
        case ascentSum, descentSum
    }

    /// - Parameter parameterCount: length of weights and gradient, padding included.
    package init(method: Method, parameterCount: Int) throws(OptimizerError) {
        try method.validate()
        self.method = method
        self.parameterCount = parameterCount
        switch method.reduced {
        case .plain:
            (radius, regularizer, traceWeight, normWeight) = (0, nil, 0, 0)
        case .sam(let radius):
            (self.radius, regularizer, traceWeight, normWeight) = (radius, nil, 0, 0)
        case .crsam(let radius, let traceWeight, let normWeight, let regularizer):
            self.radius = radius
            self.regularizer = regularizer
            self.traceWeight = traceWeight
            self.normWeight = normWeight
        }
    }

    /// Overwrites `gradient` with this process's part of G: the sum of all processes' parts is the batch's G. The
    /// padding between tensors, in `gradient` and `weights`, must be zero and stays so.
    ///
    /// Every process calls this once a step, one without groups too: the log form's ``Objective/sumOverBatch(_:)`` is
    /// reached by all, and ``Objective/averageDirection(ofGroup:_:)`` once for each group by all that share it.
    /// `weights` is only read, and must not be `gradient`.
    /// - Parameter whenFinal: called during the last backward pass: the entries `start..<parameterCount` of `gradient`
    ///   are final. `start` never rises. A process without groups does not call it: its zeros are final at the return.
    /// - Throws: what the objective throws. A loss that is not finite is no error here: it shows in the result.
    package func evaluate(
        _ objective: any Objective, at weights: FlatVector, into gradient: FlatVector,
        whenFinal: (_ start: Int) throws -> Void = { _ in }
    ) throws -> StepTerms {
        precondition(objective.parameterCount == parameterCount)
        precondition(weights.count == parameterCount && gradient.count == parameterCount)
        let groupCount = objective.groupCount
        let linear = coefficients(trace: traceWeight, norm: normWeight)
        var terms = StepTerms()
        var losses = BatchLosses()
        var logFactors: Coefficients?
        if groupCount == 0 { gradient.fill(0) }

        for group in 0..<groupCount {
            let weight = objective.weight(ofGroup: group)
            let (isFirst, isLast) = (group == 0, group == groupCount - 1)
            guard radius > 0 else {
                let squaredNorm = try addPlain(objective, group, at: weights, to: gradient, &terms, &losses) { start in
                    if isLast { try whenFinal(start) }
                }
                add(squaredNorm.squareRoot(), weight: weight, to: &terms.gradientNorm)
                continue
            }

            let point = vector(.point)
            let clean = try objective.evaluate(group: group, pass: .clean, at: weights, into: GradientTarget(point))
            addCounts(of: clean, to: &terms)
            add(clean.loss, weight: weight, to: &losses.clean)
            try objective.averageDirection(ofGroup: group, point)
            let norm = point.norm
            add(norm, weight: weight, to: &terms.gradientNorm)
            let step = Float(radius / (norm + Self.normGuard))

            guard let regularizer else {
                point.setSum(weights, point, scaledBy: step)
                let target = GradientTarget(gradient, factor: Float(weight), overwrites: isFirst)
                let ascent = try objective.evaluate(group: group, pass: .ascent, at: point, into: target) { start, _ in
                    if isLast { try whenFinal(start) }
                }
                add(ascent.loss, weight: weight, to: &losses.ascent)
                continue
            }

            let isLog = regularizer == .log
            let factors = isLog ? Coefficients(ascent: 1, clean: 1, descent: 1) : linear
            let (ascentSum, descentSum) = isLog ? (vector(.ascentSum), vector(.descentSum)) : (gradient, gradient)
            let overwrites = isLog && isFirst
            point.accumulate(
                into: gradient, scaledBy: Float(weight * factors.clean), overwriting: isFirst, thenStep: step,
                from: weights)
            let ascent = try objective.evaluate(
                group: group, pass: .ascent, at: point,
                into: GradientTarget(ascentSum, factor: Float(weight * factors.ascent), overwrites: overwrites))
            add(ascent.loss, weight: weight, to: &losses.ascent)

            point.reflect(at: weights)
            let target = GradientTarget(descentSum, factor: Float(weight * factors.descent), overwrites: overwrites)
            var combined = parameterCount
            let descent = try objective.evaluate(group: group, pass: .descent, at: point, into: target) {
                start, found in
                guard isLast else { return }
                if isLog {
                    if logFactors == nil {
                        // The third losses are known before the third backward pass begins.
                        var batch = losses
                        add(found.loss, weight: weight, to: &batch.descent)
                        try objective.sumOverBatch(&batch)
                        logFactors = logCoefficients(batch, &terms)
                    }
                    if let factors = logFactors {
                        gradient.combine(
                            Float(factors.ascent), ascentSum, Float(factors.clean), gradient, Float(factors.descent),
                            descentSum, in: start..<combined)
                    }
                    combined = start
                }
                try whenFinal(start)
            }
            add(descent.loss, weight: weight, to: &losses.descent)
        }

        // Not a number times the zeros between tensors is none: no later pass would overwrite it there.
        if !terms.gradientNorm.isFinite { work[WorkVector.point.rawValue] = nil }
        terms.loss = losses.clean
        if radius > 0 { terms.ascentLoss = losses.ascent }
        if let regularizer {
            terms.descentLoss = losses.descent
            terms.curvature = losses.curvature(radius: radius)
            terms.slope = losses.slope(radius: radius)
            if regularizer == .log, logFactors == nil {
                // A process without groups is one of those whose losses are summed all the same.
                try objective.sumOverBatch(&losses)
                logFactors = logCoefficients(losses, &terms)
            }
        }
        return terms
    }

    private struct Coefficients {
        var ascent: Double
        var clean: Double
        var descent: Double
    }

    private func coefficients(trace a: Double, norm b: Double) -> Coefficients {
        Coefficients(ascent: 1 + a + b, clean: -2 * a, descent: a - b)
    }

    private func logCoefficients(_ batch: BatchLosses, _ terms: inout StepTerms) -> Coefficients {
        let (second, first) = (batch.secondDifference, batch.firstDifference)
        let hasTrace = second > Self.logDifferenceFloor
        let hasNorm = first > Self.logDifferenceFloor
        terms.traceTermSkipped = traceWeight > 0 && !hasTrace
        terms.normTermSkipped = normWeight > 0 && !hasNorm
        return coefficients(trace: hasTrace ? traceWeight / second : 0, norm: hasNorm ? normWeight / first : 0)
    }

    /// The one pass of plain training. Returns ‖g0‖² of the group, summed while its pieces are this process's alone.
    private func addPlain(
        _ objective: any Objective, _ group: Int, at weights: FlatVector, to gradient: FlatVector,
        _ terms: inout StepTerms, _ losses: inout BatchLosses, whenFinal: (_ start: Int) throws -> Void
    ) throws -> Double {
        let weight = objective.weight(ofGroup: group)
        // One group's g0 can live in `gradient` itself; of several, `gradient` holds the sum.
        let own = objective.groupCount == 1 ? gradient : vector(.point)
        if own !== gradient, group == 0 { gradient.fill(0) }
        var (squaredNorm, added) = (0.0, parameterCount)
        let found = try objective.evaluate(group: group, pass: .clean, at: weights, into: GradientTarget(own)) {
            start, _ in
            let range = start..<added
            squaredNorm += own.squaredNorm(in: range)
            if own !== gradient {
                gradient.add(own, scaledBy: Float(weight), in: range)
            } else if weight != 1 {
                gradient.scale(by: Float(weight), in: range)
            }
            added = start
            try whenFinal(start)
        }
        addCounts(of: found, to: &terms)
        add(found.loss, weight: weight, to: &losses.clean)
        return squaredNorm
    }

    private func addCounts(of evaluation: Evaluation, to terms: inout StepTerms) {
        terms.correct += evaluation.correct
        terms.sampleCount += evaluation.sampleCount
    }

    private func add(_ value: Double, weight: Double, to sum: inout Double) {
        if weight != 0 { sum += weight * value }
    }

    private func vector(_ purpose: WorkVector) -> FlatVector {
        if let existing = work[purpose.rawValue] { return existing }
        let new = FlatVector(count: parameterCount)
        work[purpose.rawValue] = new
        return new
    }
}
