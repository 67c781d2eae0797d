import COneDNN
import Vectors

/// oneDNN's primitives for one convolution, direct ones.
final class OneDNNConvolution {
    let name: String
    let shape: ConvolutionShape
    /// Whether the loss's gradient with respect to the images is computed.
    let needsDataGradient: Bool
    private let engine: Engine
    /// What backward primitives are created with.
    private var forward: Primitive?

    init(_ name: String, _ shape: ConvolutionShape, needsDataGradient: Bool, engine: Engine) {
        self.name = name
        self.shape = shape
        self.needsDataGradient = needsDataGradient
        self.engine = engine
    }

    /// Creates a primitive for images in the given layouts, or returns nil to emit nothing.
    typealias Make = (_ layouts: [DataLayout], _ create: ([DataLayout]) throws -> Primitive) throws -> Primitive?

    func emitForward(
        _ builder: PlanBuilder, _ given: Operand, weights: Operand, bias: Operand?,
        writing written: Precision, _ make: Make
    ) throws -> Operand? {
        let precision = given.layout.precision
        let create = { [self] (layouts: [DataLayout]) in
            try forwardPrimitive(layouts[0], bias?.layout, writing: written)
        }
        guard let primitive = try make([given.layout], create) else { return nil }
        forward = primitive
        let source = try builder.reordered(name, given, to: primitive.layout(cdnn_source, of: given.layout))
        let destination = builder.allocate(
            try primitive.layout(cdnn_destination, [shape.batch] + shape.output, written))
        let reordered = try builder.reordered(
            "\(name) weights", weights, to: try primitive.layout(cdnn_weights, shape.weights, precision))
        var arguments = [(DNNL_ARG_SRC, source), (DNNL_ARG_WEIGHTS, reordered), (DNNL_ARG_DST, destination)]
        if let bias { arguments.append((DNNL_ARG_BIAS, bias)) }
        try builder.call("\(name) forward", primitive, arguments)
        return destination
    }

    func emitBackwardData(
        _ builder: PlanBuilder, _ given: Operand, weights: Operand,
        as wanted: DataLayout, _ make: Make
    ) throws -> Operand? {
        let precision = given.layout.precision
        let any = try DataLayout.any(shape.weights, precision)
        let hint = try forwardHint(precision)
        let create = { [self] (layouts: [DataLayout]) in
            try Primitive("\(name) backward data") {
                cdnn_convolution_backward_data(
                    &$0, engine.handle, dnnl_convolution_direct, layouts[0].handle, any.handle, layouts[1].handle,
                    shape.window.strides, shape.window.paddings, hint.descriptor)
            }
        }
        guard let primitive = try make([wanted, given.layout], create) else { return nil }
        let result = builder.allocate(try primitive.layout(cdnn_diff_source, of: wanted))
        let gradient = try builder.reordered(
            name, given, to: primitive.layout(cdnn_diff_destination, of: given.layout))
        let reordered = try builder.reordered(
            "\(name) weights", weights, to: try primitive.layout(cdnn_weights, shape.weights, precision))
        try builder.call(
            "\(name) backward data", primitive,
            [(DNNL_ARG_DIFF_DST, gradient), (DNNL_ARG_WEIGHTS, reordered), (DNNL_ARG_DIFF_SRC, result)])
        return result
    }

    func emitBackwardWeights(
        _ builder: PlanBuilder, _ givenSource: Operand, _ givenGradient: Operand,
        weights: TensorLayout.Entry, bias: TensorLayout.Entry?, _ make: Make
    ) throws -> Bool {
        let any = try DataLayout.any(shape.weights)
        let biasLayout = try bias.map { try DataLayout.plain($0.shape) }
        let hint = try forwardHint(givenGradient.layout.precision)
        let create = { [self] (layouts: [DataLayout]) in
            try Primitive("\(name) backward weights") {
                cdnn_convolution_backward_weights(
                    &$0, engine.handle, dnnl_convolution_direct, layouts[0].handle, any.handle, biasLayout?.handle,
                    layouts[1].handle, shape.window.strides, shape.window.paddings, hint.descriptor)
            }
        }
        guard let primitive = try make([givenSource.layout, givenGradient.layout], create) else { return false }
        let source = try builder.reordered(name, givenSource, to: primitive.layout(cdnn_source, of: givenSource.layout))
        let gradient = try builder.reordered(
            name, givenGradient, to: primitive.layout(cdnn_diff_destination, of: givenGradient.layout))
        let stored = builder.parameterGradient(try .stored(weights), at: weights.offset)
        let layout = try primitive.layout(cdnn_diff_weights, shape.weights)
        let isStored = layout == stored.layout
        let result = isStored ? stored : builder.allocate(layout)
        var arguments = [
            (DNNL_ARG_SRC, source), (DNNL_ARG_DIFF_DST, gradient), (DNNL_ARG_DIFF_WEIGHTS, result),
        ]
        if let bias {
            arguments.append((DNNL_ARG_DIFF_BIAS, try builder.parameterGradient(bias.shape, at: bias.offset)))
        }
        try builder.call("\(name) backward weights", primitive, arguments)
        if !isStored { try builder.reorder("\(name) gradient", from: result, to: stored) }
        return true
    }

    private func forwardPrimitive(
        _ source: DataLayout, _ bias: DataLayout?, writing written: Precision
    ) throws -> Primitive {
        let weights = try DataLayout.any(shape.weights, source.precision)
        let destination = try DataLayout.any([shape.batch] + shape.output, written)
        return try Primitive("\(name) forward") {
            cdnn_convolution_forward(
                &$0, engine.handle, dnnl_convolution_direct, source.handle, weights.handle, bias?.handle,
                destination.handle,
                shape.window.strides, shape.window.paddings, nil)
        }
    }

    /// The forward pass's primitive; where none of oneDNN's computed it, one that is never run.
    private func forwardHint(_ precision: Precision) throws -> Primitive {
        if let forward { return forward }
        let source = try DataLayout.any([shape.batch] + shape.input, precision)
        let hint = try forwardPrimitive(source, nil, writing: precision)
        forward = hint
        return hint
    }
}
