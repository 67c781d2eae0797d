import COneDNN
import Vectors

extension Graph {
    /// Multi-head self-attention (Vaswani et al. 2017, section 3.2), as timm's `Attention`: softmax(q·kᵀ/√d)·v per head, then a
    /// linear layer. `[tokens, width]` to the same; parameters `name.qkv.weight` `[3·width, width]`, `name.qkv.bias`,
    /// `name.proj.weight`, `name.proj.bias`.
    public func attention(_ input: Value, _ name: String, heads: Int, weights: Initializer) -> Value {
        let shape = shape(input)
        precondition(shape.count == 2, "\(name): attention reads tokens, not \(shape)")
        let width = shape[1]
        precondition(width % heads == 0, "\(name): \(heads) heads do not divide a width of \(width)")
        let weight = parameter("\(name).qkv.weight", [3 * width, width], weights)
        let bias = parameter("\(name).qkv.bias", [3 * width], .constant(0))
        let mixed = append(shape) {
            Attention(
                name: name, input: input, output: $0, tokens: shape[0], width: width, heads: heads,
                weightOffset: weight.offset, biasOffset: bias.offset)
        }
        return linear(mixed, "\(name).proj", outputs: width, weights: weights, bias: .constant(0))
    }
}

private struct Attention: Operation {
    let name: String
    let input: Value
    let output: Value
    let tokens: Int
    let width: Int
    let heads: Int
    let weightOffset: Int
    let biasOffset: Int

    var inputs: [Value] { [input] }
    var hasParameters: Bool { true }
    var multiplyAdds: Int { 3 * tokens * width * width + 2 * tokens * tokens * width }

    private var scale: Float { 1 / Float(width / heads).squareRoot() }

    /// Queries, keys and values: a third of the rows of `qkv` each. Three products leave each in memory of its own, where
    /// a head is a strided view that matrix products accept as it is.
    private var projections: [Projection] {
        (0..<3).map { part in
            Projection(
                name: "\(name).qkv \(["query", "key", "value"][part])", inputs: width, outputs: width,
                weightOffset: weightOffset + part * width * width, biasOffset: biasOffset + part * width)
        }
    }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let batch = builder.batch
        let headWidth = width / heads
        let rows = batch * tokens
        let matrix = try builder.layout([rows, width])
        let natural = try builder.layout([batch, tokens, width])
        // Batch x tokens x heads x head width in memory, seen as batch x heads x (tokens x head width), or transposed.
        let head = try builder.layout(
            [batch, heads, tokens, headWidth], strides: [tokens * width, headWidth, width, 1])
        let headTransposed = try builder.layout(
            [batch, heads, headWidth, tokens], strides: [tokens * width, headWidth, 1, width])
        let square = try builder.layout([batch, heads, tokens, tokens])
        let squareTransposed = try builder.layout(
            [batch, heads, tokens, tokens], strides: [heads * tokens * tokens, tokens * tokens, 1, tokens])

        let x = try builder.plainActivation(name, input, as: [rows, width])
        let parts = (0..<3).map { _ in builder.allocate(matrix) }
        let weights = try zip(projections, parts).map { try $0.emitForward(builder, x, $1) }
        let (query, key, value) = (parts[0], parts[1], parts[2])

        let probabilities = builder.allocate(square)
        try emitMatrixProduct(
            builder, "\(name) scores", query.viewed(as: head), key.viewed(as: headTransposed), probabilities,
            scale: scale)
        let softmax = try Primitive("\(name) softmax") {
            cdnn_softmax_forward(&$0, builder.engine.handle, square.handle, 3)
        }
        try builder.call(
            "\(name) softmax", softmax, [(DNNL_ARG_SRC, probabilities), (DNNL_ARG_DST, probabilities)])
        let mixed = builder.allocate(matrix)
        try emitMatrixProduct(
            builder, "\(name) mix", probabilities, value.viewed(as: head), mixed.viewed(as: head))
        builder.setActivation(output, mixed.viewed(as: natural))

        return {
            guard let gradient = try builder.gradient(name, of: output, in: natural) else { return }
            let probabilityGradient = builder.allocate(square)
            let (queryGradient, keyGradient, valueGradient) = (
                builder.allocate(matrix), builder.allocate(matrix), builder.allocate(matrix)
            )
            try emitMatrixProduct(
                builder, "\(name) mix backward values", probabilities.viewed(as: squareTransposed),
                gradient.viewed(as: head), valueGradient.viewed(as: head))
            try emitMatrixProduct(
                builder, "\(name) mix backward", gradient.viewed(as: head), value.viewed(as: headTransposed),
                probabilityGradient)
            let backward = try Primitive("\(name) softmax backward") {
                cdnn_softmax_backward(&$0, builder.engine.handle, square.handle, square.handle, 3, softmax.descriptor)
            }
            try builder.call(
                "\(name) softmax backward", backward,
                [
                    (DNNL_ARG_DST, probabilities), (DNNL_ARG_DIFF_DST, probabilityGradient),
                    (DNNL_ARG_DIFF_SRC, probabilityGradient),
                ])
            try emitMatrixProduct(
                builder, "\(name) scores backward queries", probabilityGradient, key.viewed(as: head),
                queryGradient.viewed(as: head), scale: scale)
            try emitMatrixProduct(
                builder, "\(name) scores backward keys", probabilityGradient.viewed(as: squareTransposed),
                query.viewed(as: head), keyGradient.viewed(as: head), scale: scale)

            let result = builder.allocate(matrix)
            let x = try builder.inBackward(x, input)
            for (index, (projection, part)) in zip(projections, [queryGradient, keyGradient, valueGradient])
                .enumerated()
            {
                try projection.emitBackwardWeights(builder, x, part)
                try projection.emitBackwardData(builder, part, weights[index], result, adding: index > 0)
            }
            try builder.contribute(name, to: input, result.viewed(as: natural))
        }
    }
}
