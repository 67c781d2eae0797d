import COneDNN

/// Emits C = scale·A·B (+ bias) (+ C when `adding`). Layouts may be strided views: transposing and splitting into heads
/// copies nothing.
func emitMatrixProduct(
    _ builder: PlanBuilder, _ label: String, _ a: Operand, _ b: Operand, _ c: Operand, bias: Operand? = nil,
    scale: Float = 1, adding: Bool = false
) throws {
    var attributes = cdnn_attributes(output_scale: scale, sum: adding ? 1 : 0, activation: dnnl_alg_kind_undef)
    let primitive = try Primitive(label) {
        cdnn_matmul(
            &$0, builder.engine.handle, a.layout.handle, b.layout.handle, bias?.layout.handle, c.layout.handle,
            &attributes)
    }
    var arguments = [(DNNL_ARG_SRC, a), (DNNL_ARG_WEIGHTS, b), (DNNL_ARG_DST, c)]
    if let bias { arguments.append((DNNL_ARG_BIAS, bias)) }
    try builder.call(label, primitive, arguments)
}

/// A weight matrix `[outputs, inputs]` and its bias inside the parameter vector, and how a layer multiplies by it.
struct Projection {
    let name: String
    let inputs: Int
    let outputs: Int
    /// Floats from the start of the parameter vector.
    let weightOffset: Int
    let biasOffset: Int?

    /// y = x·Wᵀ + b; x is `[rows, inputs]`, y `[rows, outputs]`.
    ///
    /// - Returns: W in the program's precision, for the backward pass.
    func emitForward(_ builder: PlanBuilder, _ x: Operand, _ y: Operand) throws -> Operand {
        let matrix = try builder.inPrecision(
            "\(name) weights",
            Operand(layout: try .plain([outputs, inputs]), location: .parameters(weightOffset)), builder.precision)
        let weights = matrix.viewed(as: try builder.layout([inputs, outputs], strides: [1, inputs]))
        let bias = try biasOffset.map { Operand(layout: try .plain([1, outputs]), location: .parameters($0)) }
        try emitMatrixProduct(builder, "\(name) forward", x, weights, y, bias: bias)
        return matrix
    }

    /// ∂x = ∂y·W, or ∂x += that when `adding`.
    ///
    /// - Parameter weights: what ``emitForward(_:_:_:)`` returned.
    func emitBackwardData(
        _ builder: PlanBuilder, _ gradient: Operand, _ weights: Operand, _ result: Operand, adding: Bool = false
    ) throws {
        try emitMatrixProduct(builder, "\(name) backward data", gradient, weights, result, adding: adding)
    }

    /// ∂W = ∂yᵀ·x and ∂b = Σ_rows ∂y.
    func emitBackwardWeights(_ builder: PlanBuilder, _ x: Operand, _ gradient: Operand) throws {
        let rows = gradient.layout.dimensions[0]
        let factor = try builder.inPrecision("\(name) gradient", gradient, builder.precision)
        let transposed = factor.viewed(as: try builder.layout([outputs, rows], strides: [1, outputs]))
        let result = try builder.parameterGradient([outputs, inputs], at: weightOffset)
        try emitMatrixProduct(builder, "\(name) backward weights", transposed, x, result)
        if let biasOffset {
            let bias = try builder.parameterGradient([outputs], at: biasOffset)
            emitColumnSums(builder, "\(name) backward bias", gradient, bias, rows: rows, columns: outputs)
        }
    }
}
