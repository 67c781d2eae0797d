import Vectors

/// Random vectors of probes, drawn tensor by tensor in the order of their names' declaration and row-major, so that
/// they depend on neither the order of scalars in memory nor the number of processes. Padding is zero.
package struct ProbeVectors: Sendable {
    package let layout: TensorLayout
    package let seed: UInt64

    package init(_ layout: TensorLayout, seed: UInt64) { (self.layout, self.seed) = (layout, seed) }

    /// Fills `vector` with +1 and −1 (Rademacher), a bit each: bit i % 32 of word i / 32 of the stream, where i
    /// counts the scalars of all tensors before; 1 is −1. A fresh one for each round and chunk.
    package func signs(round: Int, chunk: Int, into vector: FlatVector) {
        precondition(vector.count == layout.vectorCount)
        var stream = RandomStream(seed: seed, purpose: .probe, epoch: round, index: chunk)
        var (bits, left): (UInt32, Int) = (0, 0)
        for entry in layout.entries {
            entry.setValues(in: vector) { values in
                for index in 0..<entry.count {
                    if left == 0 { (bits, left) = (stream.nextWord(), 32) }
                    values.pointer[index] = bits & 1 == 0 ? 1 : -1
                    bits >>= 1
                    left -= 1
                }
            }
        }
    }
}
