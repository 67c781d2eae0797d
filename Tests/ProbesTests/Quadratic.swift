import Objectives
import Probes
import Vectors

/// L_c(w) = ½(w − ¼)ᵀH_c(w − ¼) with H_c = diag(d_c) + Σ f fᵀ, of which a chunk has so many samples: its
/// Hessian, and the mean's, are known.
final class Quadratic: ChunkedObjective {
    let layout: TensorLayout
    private let diagonals: [[Double]]
    private let factors: [[Double]]
    private let sizes: [Int]
    let chunks: Range<Int>
    private var current = 0
    private(set) var gradients = 0
    private(set) var losses = 0

    /// - Parameters:
    ///   - factors: f, of all chunks.
    ///   - part: of so many processes, this one.
    init(
        _ layout: TensorLayout, diagonals: [[Double]], factors: [[Double]] = [], sizes: [Int],
        part: (rank: Int, ranks: Int) = (0, 1)
    ) {
        (self.layout, self.diagonals, self.factors, self.sizes) = (layout, diagonals, factors, sizes)
        chunks = sizes.count * part.rank / part.ranks..<sizes.count * (part.rank + 1) / part.ranks
    }

    var sampleCount: Int { sizes.reduce(0, +) }
    var chunkCount: Int { sizes.count }
    func samples(inChunk chunk: Int) -> Int { sizes[chunk] }

    var trace: Double {
        var trace = 0.0
        for (diagonal, size) in zip(diagonals, sizes) {
            trace += Double(size) / Double(sampleCount) * diagonal.reduce(0, +)
        }
        return trace + factors.reduce(0) { $0 + $1.reduce(0) { $0 + $1 * $1 } }
    }

    func begin(chunk: Int, at w: FlatVector, into sink: (any GradientSink)?) throws -> Evaluation {
        precondition(chunks.contains(chunk))
        current = chunk
        return try evaluate(at: w, .seen, into: sink)
    }

    func evaluate(at point: FlatVector, _ kinks: KinkRule, into sink: (any GradientSink)?) throws -> Evaluation {
        let places = layout.entries.flatMap { Array($0.range) }
        let x = places.map { Double(point.pointer[$0]) - 0.25 }
        var gradient = zip(diagonals[current], x).map { $0 * $1 }
        for factor in factors {
            let product = zip(factor, x).reduce(0) { $0 + $1.0 * $1.1 }
            for index in gradient.indices { gradient[index] += product * factor[index] }
        }
        let loss = 0.5 * zip(gradient, x).reduce(0) { $0 + $1.0 * $1.1 }
        if let sink {
            gradients += 1
            let values = FlatVector(count: layout.vectorCount)
            for (index, place) in places.enumerated() { values.pointer[place] = Float(gradient[index]) }
            sink.accumulate(0..<values.count, values.pointer)
        } else {
            losses += 1
        }
        return Evaluation(loss: loss, sampleCount: sizes[current])
    }
}
