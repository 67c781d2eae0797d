import CKernels
import Vectors

extension Graph {
    /// y = γ(x − μ)/√(σ² + e) + β over the last dimension of each token (Ba, Kiros and Hinton 2016), as PyTorch's
    /// `LayerNorm`. Parameters `name.weight` (from 1) and `name.bias` (from 0).
    package func layerNormalization(_ input: Value, _ name: String, epsilon: Float = 1e-6) -> Value {
        let shape = shape(input)
        guard shape.count < 3, let width = shape.last else {
            preconditionFailure("\(name): LayerNorm reads features or tokens, not \(shape)")
        }
        let scale = parameter("\(name).weight", [width], .constant(1))
        let shift = parameter("\(name).bias", [width], .constant(0))
        return append(shape) {
            LayerNormalization(
                name: name, input: input, output: $0, shape: shape, epsilon: epsilon, scale: scale, shift: shift)
        }
    }
}

private struct LayerNormalization: Operation {
    let name: String
    let input: Value
    let output: Value
    let shape: [Int]
    let epsilon: Float
    let scale: TensorLayout.Entry
    let shift: TensorLayout.Entry

    var inputs: [Value] { [input] }
    var hasParameters: Bool { true }

    // oneDNN's, `simple_layer_normalization`, takes twice the time.
    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let rows = Rows(count: builder.batch * shape.dropLast().reduce(1, *), width: scale.count)
        let matrix = try builder.layout([rows.count, rows.width])
        let natural = try builder.layout([builder.batch] + shape)
        let source = try builder.plainActivation(name, input, as: [rows.count, rows.width])
        let (mean, deviation) = (try builder.allocate([rows.count]), try builder.allocate([rows.count]))
        // A pass over memory, where keeping every result would take as much as all residual sums: computed again when
        // the backward pass needs it.
        func compute() -> Operand {
            let destination = builder.allocate(matrix)
            emitForward(builder, rows, source, destination, mean, deviation)
            return destination.viewed(as: natural)
        }
        builder.setActivation(output, compute(), computedAgainBy: compute)
        return {
            guard let gradient = try builder.gradient(name, of: output, in: natural)?.viewed(as: matrix) else { return }
            let result = builder.target(
                over: (gradient, builder.gradient(of: output)?.isShared ?? true), layout: matrix)
            try emitBackward(builder, rows, gradient, result, source, mean, deviation)
            let inputLayout = try builder.layout(builder.activation(input).layout.dimensions)
            try builder.contribute(name, to: input, result.viewed(as: inputLayout))
        }
    }

    /// A matrix whose rows are normalized, and how threads share it: by numbers that follow from its shape alone.
    private struct Rows {
        let count: Int
        let width: Int

        private static let perPart = 256
        var parts: Int { (count + Self.perPart - 1) / Self.perPart }

        func first(_ part: Int) -> Int { part * Self.perPart }
        func count(_ part: Int) -> Int { min(Self.perPart, count - first(part)) }
    }

    private func emitForward(
        _ builder: PlanBuilder, _ rows: Rows, _ source: Operand, _ destination: Operand, _ mean: Operand,
        _ deviation: Operand
    ) {
        let (epsilon, gammaOffset, betaOffset) = (epsilon, scale.offset, shift.offset)
        let precision = source.layout.precision
        builder.kernel(
            "\(name) forward", kind: "LayerNorm forward", touching: [source, destination, mean, deviation],
            parts: rows.parts
        ) { context, part in
            let first = rows.first(part)
            let bytes = first * rows.width * precision.byteCount
            let (x, y) = (context.bytes(source) + bytes, context.bytes(destination) + bytes)
            let (means, scales) = (context.floats(mean) + first, context.floats(deviation) + first)
            let (gamma, beta) = (context.parameters + gammaOffset, context.parameters + betaOffset)
            if precision == .bfloat16 {
                cvk_layer_normalization_bfloat16(
                    y.assumingMemoryBound(to: UInt16.self), means, scales, x.assumingMemoryBound(to: UInt16.self),
                    gamma, beta, rows.count(part), rows.width, epsilon)
            } else {
                cvk_layer_normalization(
                    y.assumingMemoryBound(to: Float.self), means, scales, x.assumingMemoryBound(to: Float.self),
                    gamma, beta, rows.count(part), rows.width, epsilon)
            }
        }
    }

    /// ∂γ and ∂β are summed within each part and then over the parts.
    private func emitBackward(
        _ builder: PlanBuilder, _ rows: Rows, _ gradient: Operand, _ result: Operand, _ source: Operand,
        _ mean: Operand, _ deviation: Operand
    ) throws {
        let gammaOffset = scale.offset
        let precision = source.layout.precision
        let partial = try builder.allocate([rows.parts, 2 * rows.width])
        builder.kernel(
            "\(name) backward", kind: "LayerNorm backward",
            touching: [gradient, result, source, mean, deviation, partial], parts: rows.parts
        ) { context, part in
            let first = rows.first(part)
            let bytes = first * rows.width * precision.byteCount
            let (x, dy, dx) = (
                context.bytes(source) + bytes, context.bytes(gradient) + bytes, context.bytes(result) + bytes
            )
            let (means, scales) = (context.floats(mean) + first, context.floats(deviation) + first)
            let gamma = context.parameters + gammaOffset
            let dgamma = context.floats(partial) + part * 2 * rows.width
            let dbeta = dgamma + rows.width
            if precision == .bfloat16 {
                cvk_layer_normalization_backward_bfloat16(
                    dx.assumingMemoryBound(to: UInt16.self), dgamma, dbeta, dy.assumingMemoryBound(to: UInt16.self),
                    x.assumingMemoryBound(to: UInt16.self), means, scales, gamma, rows.count(part), rows.width)
            } else {
                cvk_layer_normalization_backward(
                    dx.assumingMemoryBound(to: Float.self), dgamma, dbeta, dy.assumingMemoryBound(to: Float.self),
                    x.assumingMemoryBound(to: Float.self), means, scales, gamma, rows.count(part), rows.width)
            }
        }
        let sums = try builder.allocate([2 * rows.width])
        emitColumnSums(
            builder, "\(name) backward sums", partial, sums, rows: rows.parts, columns: 2 * rows.width)
        let dgamma = try builder.parameterGradient([rows.width], at: scale.offset)
        let dbeta = try builder.parameterGradient([rows.width], at: shift.offset)
        builder.kernel("\(name) backward sums", kind: "bias gradient", touching: [sums, dgamma, dbeta]) { context in
            context.floats(dgamma).update(from: context.floats(sums), count: rows.width)
            context.floats(dbeta).update(from: context.floats(sums) + rows.width, count: rows.width)
        }
    }
}
