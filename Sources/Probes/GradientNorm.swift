import Objectives
import Vectors

/// Norms of the gradient of the mean loss over all samples, and of batches of them.
package struct GradientNorms: Sendable, Equatable {
    /// Mean loss and accuracy of the whole set.
    package var loss: Double
    package var accuracy: Double
    /// ‖∇L(w)‖₂ of the mean loss over all samples.
    package var full: Double
    /// Mean over batches of ``batchSize`` samples of ‖∇L_b(w)‖₂, as the CR-SAM authors' code has it: larger,
    /// the more so the smaller the batches.
    package var batches: ChunkMean
    package var batchSize: Int
}

/// Measures ``GradientNorms``.
package struct GradientNormProbe {
    private let objective: any ChunkedObjective
    private let w: FlatVector
    private let processes: any ProcessSums
    /// Chunks in each of the batches whose norms are averaged.
    package var chunksPerBatch = 2

    /// Bits of an entry of the sum below the largest of the first chunk, and above.
    private static let bitsBelow = 44

    package init(_ objective: any ChunkedObjective, at w: FlatVector, _ processes: any ProcessSums = OneProcess()) {
        (self.objective, self.w, self.processes) = (objective, w, processes)
    }

    /// Every process must call it; the result is bitwise identical on all, and for any number of them, as long as each
    /// batch's chunks belong to one.
    ///
    /// Cost: a gradient a sample, and one chunk's more. Messages: one of 16 bytes, one of 8 bytes a weight, one of 64
    /// bytes. Two vectors, and twice one's bytes of whole numbers.
    ///
    /// Entries are added as whole numbers of a unit, 2⁻⁴⁴ of the first chunk's largest: exactly, so in any order.
    package func run() throws -> GradientNorms {
        let (gradient, batch) = (FlatVector(count: w.count), FlatVector(count: w.count))
        let unit = try agreedUnit(gradient)
        var sum = [Int64](repeating: 0, count: w.count)
        var (losses, correct) = (ExactTotal(), ExactTotal())
        var (norms, squares) = (ExactTotal(), ExactTotal())
        let count = Double(objective.sampleCount)
        let bound = Double(sign: .plus, exponent: 61 - Self.chunkBits(objective.chunkCount), significand: 1)
        var samplesOfBatch = 0
        for chunk in objective.chunks {
            let samples = objective.samples(inChunk: chunk)
            let result = try objective.begin(chunk: chunk, at: w, into: GradientSum(gradient))
            losses += result.lossSum / count
            correct += Double(result.correct) / count
            let share = Double(samples) / count
            var fits = true
            for index in 0..<w.count {
                let units = (Double(gradient.pointer[index]) * share / unit).rounded()
                guard units.magnitude < bound else {
                    fits = false
                    break
                }
                sum[index] += Int64(units)
            }
            guard fits, result.lossSum.isFinite else { throw ProbeError.notFinite("the gradient of chunk \(chunk)") }
            if chunk % chunksPerBatch == 0 {
                batch.fill(0)
                samplesOfBatch = 0
            }
            batch.add(gradient, scaledBy: Float(samples))
            samplesOfBatch += samples
            if chunk % chunksPerBatch == chunksPerBatch - 1 || chunk == objective.chunkCount - 1 {
                let norm = batch.norm / Double(samplesOfBatch)
                norms += norm
                squares += norm * norm * 0x1p-20
            }
        }
        try sum.withUnsafeMutableBufferPointer { try processes.add($0) }
        let totals = try ExactTotal.addUp([losses, correct, norms, squares], processes)
        guard totals.allSatisfy(\.isSound) else { throw ProbeError.notFinite("the loss or a gradient's norm") }
        var square = 0.0
        for entry in sum { square += Double(entry) * unit * (Double(entry) * unit) }
        let batches = Double((objective.chunkCount + chunksPerBatch - 1) / chunksPerBatch)
        let mean = totals[2].value / batches
        let variance = max(0, totals[3].value * 0x1p20 / batches - mean * mean) / (batches - 1)
        return GradientNorms(
            loss: totals[0].value, accuracy: totals[1].value, full: square.squareRoot(),
            batches: ChunkMean(value: mean, standardError: batches > 1 ? variance.squareRoot() : .nan),
            batchSize: chunksPerBatch * objective.samples(inChunk: 0))
    }

    /// The unit of the sum, by the first chunk's gradient, which is computed in `gradient`.
    private func agreedUnit(_ gradient: FlatVector) throws -> Double {
        var scale = ExactTotal()
        if objective.chunks.contains(0) {
            _ = try objective.begin(chunk: 0, at: w, into: GradientSum(gradient))
            let largest = gradient.elements.reduce(Float(0)) { max($0, abs($1)) }
            guard largest.isFinite, gradient.norm.isFinite else {
                throw ProbeError.notFinite("the gradient of the first chunk")
            }
            scale += Double(max(largest == 0 ? 0 : Int(largest.exponent), -120) + 200)
        }
        let exponent = Int(try ExactTotal.addUp([scale], processes)[0].value) - 200
        return Double(sign: .plus, exponent: exponent + 1 - Self.bitsBelow, significand: 1)
    }

    private static func chunkBits(_ chunks: Int) -> Int { Int.bitWidth - chunks.leadingZeroBitCount }
}
