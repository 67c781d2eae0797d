import COneDNN
import Vectors

extension Graph {
    /// Multi-head self-attention (Vaswani et al. 2017, section 3.2), as timm's `Attention`: softmax(q·kᵀ/√d)·v per
    /// head, then a linear layer. `[tokens, width]` to the same; parameters `name.qkv.weight` `[3·width, width]`,
    /// `name.qkv.bias`, `name.proj.weight`, `name.proj.bias`.
    ///
    /// - Parameter queries: what the queries are computed from, where that is not `input` (cross-attention): one token,
    ///   `[width]`, or several, `[tokens, width]`. The result has their shape.
    package func attention(
        _ input: Value, queries: Value? = nil, _ name: String, heads: Int, weights: Initializer
    ) -> Value {
        let (shape, queries) = (shape(input), queries ?? input)
        precondition(shape.count == 2, "\(name): attention reads tokens, not \(shape)")
        let width = shape[1]
        let queryShape = self.shape(queries)
        precondition(queryShape.count < 3 && queryShape.last == width, "\(name): queries of \(queryShape)")
        precondition(width % heads == 0, "\(name): \(heads) heads do not divide a width of \(width)")
        let weight = parameter("\(name).qkv.weight", [3 * width, width], weights)
        let bias = parameter("\(name).qkv.bias", [3 * width], .constant(0))
        let mixed = append(queryShape) {
            Attention(
                name: name, input: input, queries: queries, output: $0, tokens: shape[0], queryShape: queryShape,
                width: width, heads: heads,
                weightOffset: weight.offset, biasOffset: bias.offset)
        }
        return linear(mixed, "\(name).proj", outputs: width, weights: weights, bias: .constant(0))
    }
}

private struct Attention: Operation {
    let name: String
    let input: Value
    let queries: Value
    let output: Value
    let tokens: Int
    let queryShape: [Int]
    let width: Int
    let heads: Int
    let weightOffset: Int
    let biasOffset: Int

    var inputs: [Value] { [input, queries] }
    var hasParameters: Bool { true }
    var multiplyAdds: Int { (queryTokens + 2 * tokens) * width * width + 2 * queryTokens * tokens * width }

    private var queryTokens: Int { queryShape.dropLast().reduce(1, *) }

    private var scale: Float { 1 / Float(width / heads).squareRoot() }

    /// Queries, keys and values: a third of the rows of `qkv` each. Three products leave each in memory of its own,
    /// where a head is a strided view that matrix products accept as it is.
    private var projections: [Projection] {
        (0..<3).map { part in
            Projection(
                name: "\(name).qkv \(["query", "key", "value"][part])", inputs: width, outputs: width,
                weightOffset: weightOffset + part * width * width, biasOffset: biasOffset + part * width)
        }
    }

    /// How the matrices lie in memory, and how heads are seen in them.
    private struct Layouts {
        let matrix: DataLayout
        let queryMatrix: DataLayout
        // Batch x tokens x heads x head width in memory, seen as batch x heads x (tokens x head width), or transposed.
        let head: DataLayout
        let headTransposed: DataLayout
        let queryHead: DataLayout
        let map: DataLayout
        let mapTransposed: DataLayout

        init(_ builder: PlanBuilder, _ attention: Attention) throws {
            let (batch, width, heads) = (builder.batch, attention.width, attention.heads)
            let (tokens, queryTokens, headWidth) = (attention.tokens, attention.queryTokens, width / heads)
            matrix = try builder.layout([batch * tokens, width])
            queryMatrix = try builder.layout([batch * queryTokens, width])
            head = try builder.layout(
                [batch, heads, tokens, headWidth], strides: [tokens * width, headWidth, width, 1])
            headTransposed = try builder.layout(
                [batch, heads, headWidth, tokens], strides: [tokens * width, headWidth, 1, width])
            queryHead = try builder.layout(
                [batch, heads, queryTokens, headWidth], strides: [queryTokens * width, headWidth, width, 1])
            map = try builder.layout([batch, heads, queryTokens, tokens])
            mapTransposed = try builder.layout(
                [batch, heads, tokens, queryTokens],
                strides: [heads * queryTokens * tokens, queryTokens * tokens, 1, tokens])
        }
    }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let layouts = try Layouts(builder, self)
        let (matrix, queryMatrix, map) = (layouts.matrix, layouts.queryMatrix, layouts.map)
        let (rows, queryRows) = (builder.batch * tokens, builder.batch * queryTokens)
        let x = try builder.plainActivation(name, input, as: [rows, width])
        let queryInput = queries == input ? x : try builder.plainActivation(name, queries, as: [queryRows, width])
        let (query, key, value) = (builder.allocate(queryMatrix), builder.allocate(matrix), builder.allocate(matrix))
        let weights = [
            try projections[0].emitForward(builder, queryInput, query), try projections[1].emitForward(builder, x, key),
            try projections[2].emitForward(builder, x, value),
        ]

        let probabilities = builder.allocate(map)
        try emitMatrixProduct(
            builder, "\(name) scores", query.viewed(as: layouts.queryHead),
            key.viewed(as: layouts.headTransposed), probabilities,
            scale: scale)
        let softmax = try Primitive("\(name) softmax") {
            cdnn_softmax_forward(&$0, builder.engine.handle, map.handle, 3)
        }
        try builder.call(
            "\(name) softmax", softmax, [(DNNL_ARG_SRC, probabilities), (DNNL_ARG_DST, probabilities)])
        let mixed = builder.allocate(queryMatrix)
        try emitMatrixProduct(
            builder, "\(name) mix", probabilities, value.viewed(as: layouts.head),
            mixed.viewed(as: layouts.queryHead))
        let natural = try builder.layout([builder.batch] + queryShape)
        builder.setActivation(output, mixed.viewed(as: natural))

        return {
            guard let gradient = try builder.gradient(name, of: output, in: natural) else { return }
            let probabilityGradient = builder.allocate(map)
            let (queryGradient, keyGradient, valueGradient) = (
                builder.allocate(queryMatrix), builder.allocate(matrix), builder.allocate(matrix)
            )
            try emitMatrixProduct(
                builder, "\(name) mix backward values", probabilities.viewed(as: layouts.mapTransposed),
                gradient.viewed(as: layouts.queryHead), valueGradient.viewed(as: layouts.head))
            try emitMatrixProduct(
                builder, "\(name) mix backward", gradient.viewed(as: layouts.queryHead),
                value.viewed(as: layouts.headTransposed),
                probabilityGradient)
            try emitSoftmaxBackward(builder, softmax, probabilities, probabilityGradient)
            try emitMatrixProduct(
                builder, "\(name) scores backward queries", probabilityGradient, key.viewed(as: layouts.head),
                queryGradient.viewed(as: layouts.queryHead), scale: scale)
            try emitMatrixProduct(
                builder, "\(name) scores backward keys", probabilityGradient.viewed(as: layouts.mapTransposed),
                query.viewed(as: layouts.queryHead), keyGradient.viewed(as: layouts.head), scale: scale)
            try contributeGradients(
                builder, layouts, (queryInput, x), weights, (queryGradient, keyGradient, valueGradient))
        }
    }

    /// From the gradients of queries, keys and values to those of the projections' weights and inputs.
    private func contributeGradients(
        _ builder: PlanBuilder, _ layouts: Layouts, _ inputs: (query: Operand, x: Operand), _ weights: [Operand],
        _ gradients: (query: Operand, key: Operand, value: Operand)
    ) throws {
        let result = builder.allocate(layouts.matrix)
        let x = try builder.inBackward(inputs.x, input)
        if queries == input {
            try projections[0].emitBackwardWeights(builder, x, gradients.query)
            try projections[0].emitBackwardData(builder, gradients.query, weights[0], result)
        } else {
            let queryInputGradient = builder.allocate(layouts.queryMatrix)
            try projections[0].emitBackwardWeights(builder, builder.inBackward(inputs.query, queries), gradients.query)
            try projections[0].emitBackwardData(builder, gradients.query, weights[0], queryInputGradient)
            try builder.contribute(
                name, to: queries, queryInputGradient.viewed(as: builder.layout([builder.batch] + queryShape)))
        }
        for (index, part) in [(1, gradients.key), (2, gradients.value)] {
            try projections[index].emitBackwardWeights(builder, x, part)
            try projections[index].emitBackwardData(
                builder, part, weights[index], result, adding: index > 1 || queries == input)
        }
        try builder.contribute(name, to: input, result.viewed(as: builder.layout([builder.batch, tokens, width])))
    }

    /// ∂scores over ∂probabilities, row by row.
    private func emitSoftmaxBackward(
        _ builder: PlanBuilder, _ forward: Primitive, _ probabilities: Operand, _ gradient: Operand
    ) throws {
        let (label, layout) = ("\(name) softmax backward", probabilities.layout)
        let backward = try Primitive(label) {
            cdnn_softmax_backward(
                &$0, builder.engine.handle, layout.handle, layout.handle, Int32(layout.dimensions.count - 1),
                forward.descriptor)
        }
        guard backward.isReference, layout.precision == .float32 else {
            let arguments = [
                (DNNL_ARG_DST, probabilities), (DNNL_ARG_DIFF_DST, gradient), (DNNL_ARG_DIFF_SRC, gradient),
            ]
            return try builder.call(label, backward, arguments)
        }
        // oneDNN 2 and 3 have no kernel without AVX-512.
        let columns = tokens
        let rows = layout.dimensions.reduce(1, *) / columns
        builder.kernel(label, kind: "softmax backward", touching: [probabilities, gradient]) { context in
            Kernels.softmaxBackward(
                context.floats(probabilities), rows: rows, columns: columns, gradient: context.floats(gradient))
        }
    }
}
