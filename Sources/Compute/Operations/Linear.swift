import Vectors

extension Graph {
    /// y = x·Wᵀ + b over the last dimension, as PyTorch's `Linear`. `[…, inputs]` to `[…, outputs]`; parameters
    /// `name.weight` `[outputs, inputs]` and `name.bias` `[outputs]`.
    ///
    /// Without an initializer, weights and bias start uniform on ±1/√inputs, as PyTorch's do.
    package func linear(
        _ input: Value, _ name: String, outputs: Int, weights: Initializer? = nil, bias: Initializer? = nil
    ) -> Value {
        let shape = shape(input)
        guard shape.count < 3, let inputs = shape.last else {
            preconditionFailure("\(name): a linear layer reads features or tokens, not \(shape)")
        }
        let standard = Initializer.uniform(1 / Float(inputs).squareRoot())
        let weight = parameter("\(name).weight", [outputs, inputs], weights ?? standard)
        let biasEntry = parameter("\(name).bias", [outputs], bias ?? standard)
        return append(shape.dropLast() + [outputs]) {
            Linear(
                name: name, input: input, output: $0, rowsPerSample: shape.dropLast().reduce(1, *),
                projection: Projection(
                    name: name, inputs: inputs, outputs: outputs, weightOffset: weight.offset,
                    biasOffset: biasEntry.offset),
                outputShape: self.shape($0))
        }
    }
}

private struct Linear: Operation {
    let name: String
    let input: Value
    let output: Value
    let rowsPerSample: Int
    let projection: Projection
    let outputShape: [Int]

    var inputs: [Value] { [input] }
    var hasParameters: Bool { true }
    var multiplyAdds: Int { rowsPerSample * projection.inputs * projection.outputs }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let rows = builder.batch * rowsPerSample
        let x = try builder.plainActivation(name, input, as: [rows, projection.inputs])
        let precision = builder.precision(of: output)
        let y = builder.allocate(try .plain([rows, projection.outputs], precision))
        let weights = try projection.emitForward(builder, x, y)
        builder.setActivation(output, y.viewed(as: try .plain([builder.batch] + outputShape, precision)))
        let (matrix, natural) = (
            try builder.layout([rows, projection.outputs]), try builder.layout([builder.batch] + outputShape)
        )
        return {
            guard let gradient = try builder.gradient(name, of: output, in: natural)?.viewed(as: matrix) else { return }
            try projection.emitBackwardWeights(builder, builder.inBackward(x, input), gradient)
            guard builder.needsGradient(input) else { return }
            let result = builder.allocate(x.layout)
            try projection.emitBackwardData(builder, gradient, weights, result)
            let inputLayout = try builder.layout(builder.activation(input).layout.dimensions)
            try builder.contribute(name, to: input, result.viewed(as: inputLayout))
        }
    }
}
