import Objectives
import Vectors

/// A mean over chunks with its standard error.
package struct ChunkMean: Sendable, Equatable {
    package var value: Double
    /// Of the mean, from the spread over chunks, or over rounds where there is one chunk; NaN where there is one of
    /// both.
    package var standardError: Double
}

/// The trace of a Hessian, as it was estimated.
package struct TraceEstimate: Sendable, Equatable {
    package var trace: ChunkMean
    /// By tensor, in the layout's order; empty for ``TraceForm/losses``.
    package var tensors: [ChunkMean]
    package var form: TraceForm
    package var kinks: KinkRule
    package var step: DifferenceStep
    /// Probes of each chunk.
    package var rounds: Int
    package var chunks: Int
    package var samples: Int
    /// Cost of all processes without the choice of the step, in gradients of one sample, of which a forward pass is
    /// 0.31, as measured on ResNet-18.
    package var gradients: Double
}

/// Tr(∇²L(w)) by Hutchinson's estimator (1990) with ±1 vectors: E[vᵀHv] = Tr H, with variance
/// 2(‖H‖² − Σ Hᵢᵢ²).
///
/// Every chunk of samples gets a fresh vector, which costs nothing and divides the variance by their number. The traces
/// of single tensors are vₗᵀ(Hv)ₗ of the same products: unbiased, noisier than the whole, and they sum to it.
///
/// Standard errors are those of chunks as a sample: on a full set they are a little too large, as they count the
/// differences between chunks too.
package struct TraceProbe {
    private let objective: any ChunkedObjective
    private let w: FlatVector
    private let processes: any ProcessSums
    package var form = TraceForm.gradients
    package var kinks = KinkRule.frozen
    /// Nil for ``DifferenceStep``'s rule.
    package var step: Double?
    package var seed: UInt64 = 0
    /// Probes of each chunk at most.
    package var rounds = 1
    /// No further round where the standard error is below this share of the trace, from eight probes on.
    package var tolerance = 0.0
    /// Called after each chunk with the share of the work that is done.
    package var progress: (Double) -> Void = { _ in }

    private static let fewestProbes = 8
    /// Of a forward pass, in gradients.
    private static let forwardCost = 0.31

    package init(_ objective: any ChunkedObjective, at w: FlatVector, _ processes: any ProcessSums = OneProcess()) {
        (self.objective, self.w, self.processes) = (objective, w, processes)
    }

    /// Every process must call it; the result is bitwise identical on all, and for any number of them.
    ///
    /// Cost a sample and round: two gradients (or two forward passes) and one forward pass, four gradients of one chunk
    /// for the step. One message a round: 32 bytes, and for ``TraceForm/gradients`` 32 more a tensor. Three vectors.
    package func run() throws -> TraceEstimate {
        precondition(rounds > 0 && objective.sampleCount > 0)
        let layout = objective.layout
        let vectors = ProbeVectors(layout, seed: seed)
        let step =
            try self.step.map { DifferenceStep(h: $0, objective, at: w) }
            ?? DifferenceStep(objective, at: w, vectors, form, kinks, processes)
        let product = HessianProduct(objective, at: w)
        let (v, hv) = (FlatVector(count: w.count), FlatVector(count: form == .gradients ? w.count : 0))
        let quantities = form == .gradients ? 1 + layout.entries.count : 1
        // Of this process's chunks, over the rounds.
        var sums = [[Double]](repeating: .init(repeating: 0, count: quantities), count: objective.chunks.count)
        // One chunk alone: over rounds.
        var single = [[Double]]()
        var done = 0
        var means: [ChunkMean] = []
        while done < rounds {
            for (place, chunk) in objective.chunks.enumerated() {
                let loss = try objective.begin(chunk: chunk, at: w, into: nil).loss
                vectors.signs(round: done + 1, chunk: chunk, into: v)
                var values: [Double]
                switch form {
                case .losses:
                    values = [try product.secondDifference(along: v, step: step.h, kinks, loss: loss)]
                case .gradients:
                    try product.apply(to: v, step: step.h, kinks, into: hv)
                    values = [v.dot(hv)] + layout.entries.map { v.slice($0.range).dot(hv.slice($0.range)) }
                }
                for index in values.indices { sums[place][index] += values[index] }
                if objective.chunkCount == 1 { single.append(values) }
                progress((Double(done) + Double(place + 1) / Double(objective.chunks.count)) / Double(rounds))
            }
            done += 1
            means = try average(sums, single, done, quantities)
            let enough = done * objective.chunkCount >= Self.fewestProbes
            if enough, means[0].standardError <= tolerance * abs(means[0].value) { break }
        }
        // A forward pass for the kinks, and two gradients or two more forward passes.
        let cost = form == .gradients ? 2 + Self.forwardCost : 3 * Self.forwardCost
        return TraceEstimate(
            trace: means[0], tensors: Array(means.dropFirst()), form: form, kinks: kinks, step: step, rounds: done,
            chunks: objective.chunkCount, samples: objective.sampleCount,
            gradients: cost * Double(done * objective.sampleCount))
    }

    /// Means and standard errors over all chunks of all processes. With u = K·(share of the samples)·x for each of K
    /// chunks, the mean of u is that over samples, and its variance (Σu² − K·m²)/(K(K − 1)).
    private func average(
        _ sums: [[Double]], _ single: [[Double]], _ rounds: Int, _ quantities: Int
    ) throws -> [ChunkMean] {
        let count = objective.chunkCount
        var totals = [ExactTotal](repeating: ExactTotal(), count: 2 * quantities)
        // What the squares are taken of must not depend on the process either.
        for (place, chunk) in objective.chunks.enumerated() {
            let share = Double(objective.samples(inChunk: chunk)) / Double(objective.sampleCount)
            for quantity in 0..<quantities {
                let u = Double(count) * share * sums[place][quantity] / Double(rounds)
                totals[2 * quantity] += u
                // Squares of large traces have no place in 2³⁵.
                totals[2 * quantity + 1] += u * u * Self.squareScale
            }
        }
        // Rounds of a single chunk are known to one process alone.
        if count == 1, rounds > 1, !single.isEmpty {
            for quantity in 0..<quantities {
                var squares = 0.0
                for values in single { squares += values[quantity] * values[quantity] }
                totals[2 * quantity + 1] = ExactTotal()
                totals[2 * quantity + 1] += squares / Double(rounds) * Self.squareScale
            }
        }
        totals = try ExactTotal.addUp(totals, processes)
        let parts = Double(count > 1 ? count : rounds)
        return try (0..<quantities).map { quantity in
            let (sum, squares) = (totals[2 * quantity], totals[2 * quantity + 1])
            guard sum.isSound, squares.isSound else { throw ProbeError.notFinite("the second difference of a chunk") }
            let mean = sum.value / Double(count)
            let square = squares.value / Self.squareScale / Double(count)
            let variance = max(0, square - mean * mean) / (parts - 1)
            return ChunkMean(value: mean, standardError: parts > 1 ? variance.squareRoot() : .nan)
        }
    }

    private static let squareScale = 0x1p-30
}
