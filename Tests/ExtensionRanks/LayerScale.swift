import Compute
import Vectors

extension Graph {
    /// γ ⊙ x over the last dimension (LayerScale, Touvron et al. 2021, equation 2). `[tokens, width]` to the same;
    /// parameter `name.gamma` `[width]`.
    func layerScale(_ input: Value, _ name: String, start: Float = 1e-5) -> Value {
        let shape = shape(input)
        let gamma = parameter("\(name).gamma", [shape[1]], .constant(start))
        return append(shape) { LayerScale(name: name, input: input, output: $0, shape: shape, gamma: gamma) }
    }
}

private struct LayerScale: Operation {
    let name: String
    let input: Value
    let output: Value
    let shape: [Int]
    let gamma: TensorLayout.Entry

    var inputs: [Value] { [input] }
    var hasParameters: Bool { true }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let (width, rows) = (shape[1], builder.batch * shape[0])
        let order = try DataLayout.plain([builder.batch] + shape)
        // Whatever order and precision the operation before left; our kernel reads row-major float32.
        let x = try builder.reordered(name, builder.activation(input), to: order)
        let factors = Operand(layout: try .plain([width]), location: .parameters(gamma.offset))
        let y = builder.allocate(order)
        builder.kernel("\(name) forward", kind: "layer scale", touching: [x, factors, y]) { context in
            let (x, factors, y) = (context.floats(x), context.floats(factors), context.floats(y))
            for index in 0..<rows * width { y[index] = factors[index % width] * x[index] }
        }
        builder.setActivation(output, try builder.inPrecision(name, y, builder.precision(of: output)))
        return {
            guard let dy = try builder.gradient(name, of: output, in: order) else { return }
            let dx = builder.allocate(order)
            let dFactors = try builder.parameterGradient([width], at: gamma.offset)
            builder.kernel("\(name) backward", kind: "layer scale", touching: [x, factors, dy, dx, dFactors]) {
                context in
                let (x, factors, dy) = (context.floats(x), context.floats(factors), context.floats(dy))
                let (dx, dFactors) = (context.floats(dx), context.floats(dFactors))
                for column in 0..<width { dFactors[column] = 0 }
                for index in 0..<rows * width {
                    dFactors[index % width] += dy[index] * x[index]
                    dx[index] = factors[index % width] * dy[index]
                }
            }
            try builder.contribute(name, to: input, builder.inPrecision(name, dx, builder.precision(of: input)))
        }
    }
}
