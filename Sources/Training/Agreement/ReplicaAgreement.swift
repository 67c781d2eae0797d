/// Whether all ranks hold the same 64-bit fingerprint, from sums over ranks alone, in a float32 buffer.
///
/// The fingerprint is cut into pieces p of 12 bits. By Cauchy and Schwarz R·Σp² ≥ (Σp)², with equality only where all R
/// values are the same. p² is sent as its high and low 12 bits, so that every sum over up to ``ExactSum/maximumRanks``
/// ranks stays below 2²⁴ and is exact. Every rank reads the same sums and so computes the same verdict.
package enum ReplicaAgreement {
    private static let pieceBits = 12
    private static let pieceMask = (1 << pieceBits) - 1
    private static let pieceCount = (UInt64.bitWidth + pieceBits - 1) / pieceBits

    /// Per piece p, and the high and low bits of p².
    package static let floatCount = 3 * pieceCount

    package static func encode(_ fingerprint: UInt64, into floats: UnsafeMutablePointer<Float>) {
        for index in 0..<pieceCount {
            let piece = Int(truncatingIfNeeded: fingerprint >> UInt64(index * pieceBits)) & pieceMask
            let square = piece * piece
            floats[3 * index] = Float(piece)
            floats[3 * index + 1] = Float(square >> pieceBits)
            floats[3 * index + 2] = Float(square & pieceMask)
        }
    }

    /// Whether the floats, summed over `rankCount` ranks, come from one fingerprint.
    package static func holds(_ sums: UnsafePointer<Float>, rankCount: Int) -> Bool {
        for index in 0..<pieceCount {
            guard let sum = exact(sums[3 * index]), let high = exact(sums[3 * index + 1]),
                let low = exact(sums[3 * index + 2])
            else { return false }
            if rankCount * ((high << pieceBits) + low) != sum * sum { return false }
        }
        return true
    }

    /// `nil` for what no sum can be; nothing but broken memory or a broken network makes it.
    private static func exact(_ sum: Float) -> Int? { sum.magnitude <= 0x1p24 ? Int(exactly: sum) : nil }
}

/// Replicas that should be equal and are not: the fingerprint of every rank.
package struct ReplicaDisagreement: Error, Equatable, CustomStringConvertible {
    /// By rank.
    package let fingerprints: [UInt64]
    /// What more than half of the ranks hold.
    package let majority: UInt64?

    package init(fingerprints: [UInt64]) {
        self.fingerprints = fingerprints
        let counts = Dictionary(fingerprints.map { ($0, 1) }, uniquingKeysWith: +)
        majority = counts.first { 2 * $0.value > fingerprints.count }?.key
    }

    /// The ranks that do not hold the majority's state; `nil` where there is no majority.
    package var differingRanks: [Int]? {
        majority.map { majority in fingerprints.indices.filter { fingerprints[$0] != majority } }
    }

    package var description: String {
        let advice = "restart with --resume; if it happens again, suspect the memory or processor of that host"
        guard let ranks = differingRanks else {
            let values = fingerprints.indices.map { "rank \($0) \(String(fingerprints[$0], radix: 16))" }
            return "replicas differ and none has a majority (\(Self.abbreviated(values))): \(advice)"
        }
        if ranks.isEmpty {
            return "the replicas agree, but the sums of their fingerprints were damaged on the way: \(advice)"
        }
        let named = Self.abbreviated(ranks.map(String.init))
        return "replicas differ: \(ranks.count == 1 ? "rank" : "ranks") \(named) of \(fingerprints.count) "
            + "\(ranks.count == 1 ? "does" : "do") not hold the others' state: \(advice)"
    }

    private static func abbreviated(_ items: [String]) -> String {
        let most = 16
        let rest = items.count > most ? " and \(items.count - most) more" : ""
        return items.prefix(most).joined(separator: ", ") + rest
    }
}
