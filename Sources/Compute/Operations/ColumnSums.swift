import Vectors

/// Emits sums[c] = Σ_r matrix[r, c] for a row-major matrix.
func emitColumnSums(
    _ builder: PlanBuilder, _ label: String, _ matrix: Operand, _ sums: Operand, rows: Int, columns: Int
) {
    builder.kernel(label, kind: "bias gradient", touching: [matrix, sums]) { context in
        Kernels.columnSums(
            of: context.bytes(matrix), isBFloat16: matrix.layout.precision == .bfloat16, rows: rows, columns: columns,
            into: context.floats(sums))
    }
}
