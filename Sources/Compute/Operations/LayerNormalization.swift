import COneDNN
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

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let width = scale.count
        let rows = builder.batch * shape.dropLast().reduce(1, *)
        let matrix = try builder.layout([rows, width])
        let natural = try builder.layout([builder.batch] + shape)
        let perRow = try DataLayout.plain([rows])
        let perColumn = try DataLayout.plain([width])
        let source = try builder.plainActivation(name, input, as: [rows, width])
        let forward = try Primitive("\(name) forward") {
            cdnn_layer_normalization_forward(&$0, builder.engine.handle, matrix.handle, perRow.handle, epsilon)
        }
        let (mean, variance) = (builder.allocate(perRow), builder.allocate(perRow))
        let scaleOperand = Operand(layout: perColumn, location: .parameters(scale.offset))
        let shiftOperand = Operand(layout: perColumn, location: .parameters(shift.offset))
        // A pass over memory, where keeping every result would take as much as all residual sums: computed again when
        // the backward pass needs it.
        func compute() throws -> Operand {
            let destination = builder.allocate(matrix)
            try builder.call(
                "\(name) forward", forward,
                [
                    (DNNL_ARG_SRC, source), (DNNL_ARG_DST, destination), (DNNL_ARG_MEAN, mean),
                    (DNNL_ARG_VARIANCE, variance), (DNNL_ARG_SCALE, scaleOperand), (DNNL_ARG_SHIFT, shiftOperand),
                ])
            return destination.viewed(as: natural)
        }
        builder.setActivation(output, try compute(), computedAgainBy: compute)
        return {
            guard let gradient = try builder.gradient(name, of: output, in: natural)?.viewed(as: matrix) else { return }
            let backward = try Primitive("\(name) backward") {
                cdnn_layer_normalization_backward(
                    &$0, builder.engine.handle, matrix.handle, matrix.handle, perRow.handle, epsilon,
                    forward.descriptor)
            }
            let result = builder.allocate(matrix)
            try builder.call(
                "\(name) backward", backward,
                [
                    (DNNL_ARG_SRC, source), (DNNL_ARG_DIFF_DST, gradient), (DNNL_ARG_MEAN, mean),
                    (DNNL_ARG_VARIANCE, variance), (DNNL_ARG_SCALE, scaleOperand), (DNNL_ARG_SHIFT, shiftOperand),
                    (DNNL_ARG_DIFF_SRC, result),
                    (DNNL_ARG_DIFF_SCALE, try builder.parameterGradient(perColumn.dimensions, at: scale.offset)),
                    (DNNL_ARG_DIFF_SHIFT, try builder.parameterGradient(perColumn.dimensions, at: shift.offset)),
                ])
            let inputLayout = try builder.layout(builder.activation(input).layout.dimensions)
            try builder.contribute(name, to: input, result.viewed(as: inputLayout))
        }
    }
}
