import CKernels

/// Loops over raw float arrays, for layers whose operands are parts of a larger buffer.
package enum Kernels {
    /// sums[c] = Σ_r matrix[r, c], added in the order of the rows.
    package static func columnSums(
        of matrix: UnsafeRawPointer, isBFloat16: Bool, rows: Int, columns: Int,
        into sums: UnsafeMutablePointer<Float>
    ) {
        if isBFloat16 {
            cvk_column_sums_bfloat16(sums, matrix.assumingMemoryBound(to: UInt16.self), rows, columns)
        } else {
            cvk_column_sums(sums, matrix.assumingMemoryBound(to: Float.self), rows, columns)
        }
    }

    /// gradient ← y·(gradient − Σ y·gradient) in each row: from ∂loss/∂y, y being a softmax, to ∂loss/∂(its
    /// argument).
    package static func softmaxBackward(
        _ y: UnsafePointer<Float>, rows: Int, columns: Int, gradient: UnsafeMutablePointer<Float>
    ) {
        cvk_softmax_backward(gradient, y, rows, columns)
    }

    /// y[i] = x[i]·factors[i / run], in float32 or, rounded to nearest, in bfloat16.
    package static func multiply(
        _ x: UnsafeRawPointer, isBFloat16: Bool, by factors: UnsafePointer<Float>, run: Int, count: Int,
        into y: UnsafeMutableRawPointer
    ) {
        if isBFloat16 {
            cvk_multiply_bfloat16(
                y.assumingMemoryBound(to: UInt16.self), x.assumingMemoryBound(to: UInt16.self), factors, run, count)
        } else {
            cvk_multiply(
                y.assumingMemoryBound(to: Float.self), x.assumingMemoryBound(to: Float.self), factors, run, count)
        }
    }

    /// A 64-bit hash of `bytes` (except the last three at most, and of their number), chained through `seed`.
    package static func fingerprint(of bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        guard let start = bytes.baseAddress else { return seed }
        // Read by memcpy: no alignment is needed.
        return cvk_fingerprint(start.assumingMemoryBound(to: Float.self), bytes.count / 4, seed ^ UInt64(bytes.count))
    }

    /// y = max(x, 0) and, a byte a value, whether x was let through.
    package static func open(
        _ x: UnsafePointer<Float>, count: Int, into y: UnsafeMutablePointer<Float>, _ open: UnsafeMutablePointer<UInt8>
    ) {
        ckk_open(y, open, x, count)
    }

    /// y = x where it is open, else 0.
    package static func pass(
        _ x: UnsafePointer<Float>, open: UnsafePointer<UInt8>, count: Int, into y: UnsafeMutablePointer<Float>
    ) {
        ckk_pass(y, open, x, count)
    }

    /// out = x + y
    package static func sum(
        of x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int, into out: UnsafeMutablePointer<Float>
    ) {
        cvk_add_scaled(out, x, 1, y, count)
    }

    /// out = x + y, in float32 or, rounded to nearest, in bfloat16.
    package static func sum(
        of x: UnsafeRawPointer, _ y: UnsafeRawPointer, isBFloat16: Bool, count: Int, into out: UnsafeMutableRawPointer
    ) {
        if isBFloat16 {
            cvk_add_bfloat16(
                out.assumingMemoryBound(to: UInt16.self), x.assumingMemoryBound(to: UInt16.self),
                y.assumingMemoryBound(to: UInt16.self), count)
        } else {
            sum(
                of: x.assumingMemoryBound(to: Float.self), y.assumingMemoryBound(to: Float.self), count: count,
                into: out.assumingMemoryBound(to: Float.self))
        }
    }
}
