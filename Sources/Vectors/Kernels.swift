import CVectorKernels

/// Loops over raw float arrays that no BLAS routine covers, for layers whose operands are parts of a larger buffer.
public enum Kernels {
    /// sums[c] = Σ_r matrix[r, c], added in the order of the rows.
    public static func columnSums(
        of matrix: UnsafePointer<Float>, rows: Int, columns: Int, into sums: UnsafeMutablePointer<Float>
    ) {
        cvk_column_sums(sums, 0, matrix, rows, columns, columns)
    }

    /// out = x + y
    public static func sum(
        of x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int, into out: UnsafeMutablePointer<Float>
    ) {
        cvk_add_scaled(out, x, 1, y, count)
    }
}
