import Vectors

/// A permutation of 0 ..< count that is computed, not stored: any element in constant time and memory.
///
/// A Feistel network over the next even power of two, with Philox as its round function and cycle-walking back into the
/// range (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002). It depends on (count, seed, epoch)
/// alone, so every rank, and a resumed run, computes the same order.
package struct KeyedPermutation: Sendable {
    package let count: Int
    private let seed: UInt64
    private let epoch: Int
    private let halfBits: Int

    // Four suffice for large domains; small ones mix fewer bits a round.
    private static let rounds = 8

    /// - Parameter count: 1 ... 2⁴⁰.
    package init(count: Int, seed: UInt64, epoch: Int) {
        precondition(count > 0 && count <= 1 << 40, "a permutation of \(count)")
        self.count = count
        self.seed = seed
        self.epoch = epoch
        halfBits = max(1, (Int.bitWidth - (count - 1).leadingZeroBitCount + 1) / 2)
    }

    /// The element at `position`. Cost: less than four walks on average, eight Philox blocks each.
    package subscript(position: Int) -> Int {
        precondition(position >= 0 && position < count, "position \(position) of \(count)")
        var value = position
        repeat { value = encrypt(value) } while value >= count
        return value
    }

    private func encrypt(_ value: Int) -> Int {
        let mask = 1 << halfBits - 1
        var left = value >> halfBits
        var right = value & mask
        for round in 0..<Self.rounds {
            // Bits 32 and up of the stream's index are free: halves have at most 20.
            var stream = RandomStream(seed: seed, purpose: .epochOrder, epoch: epoch, index: round << 32 | right)
            (left, right) = (right, left ^ Int(stream.nextWord()) & mask)
        }
        return left << halfBits | right
    }
}
