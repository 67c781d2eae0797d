import COneDNN
import Vectors

/// How convolutions are computed.
package enum ConvolutionPolicy: String, Sendable, CaseIterable, Codable {
    /// Winograd's algorithm where it is known to win (3x3, stride 1, enough channels and pixels), else direct.
    /// The results differ from direct convolution by about 1e-6 relative.
    case auto
    /// Direct convolution everywhere.
    case direct
}

extension Graph {
    /// Cross-correlation of an image with `outputs` kernels, as PyTorch's `Conv2d`.
    ///
    /// Input `[C, H, W]`, weights `name.weight` `[outputs, C, kernel, kernel]`, optional `name.bias` `[outputs]`;
    /// output `[outputs, (H + 2·padding − kernel)/stride + 1, …]`. Weights start as He et al.'s normal with fan out, as
    /// in torchvision's ResNets.
    package func convolution(
        _ input: Value, _ name: String, outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, bias: Bool = false
    ) -> Value {
        let shape = shape(input)
        precondition(shape.count == 3, "\(name): a convolution reads an image, not \(shape)")
        let blocks = [outputs, shape[0]].allSatisfy { $0.isMultiple(of: TensorLayout.channelBlock) }
        let weight = parameter(
            "\(name).weight", [outputs, shape[0], kernel, kernel], .kaimingNormal(fan: outputs * kernel * kernel),
            order: blocks ? .blockedChannels : .rowMajor)
        let biasEntry =
            bias
            ? parameter("\(name).bias", [outputs], .uniform(1 / Float(shape[0] * kernel * kernel).squareRoot())) : nil
        return append(imageShape(shape, outputs, kernel: kernel, stride: stride, padding: padding)) {
            Convolution(
                name: name, input: input, output: $0, inputShape: shape, outputShape: self.shape($0),
                window: .init(kernel: kernel, stride: stride, padding: padding), weights: .parameter(weight),
                bias: biasEntry)
        }
    }

    /// He et al.'s parameter-free shortcut ("option A"): every `stride`-th pixel, and zeros for the new channels.
    ///
    /// - Parameter zerosBefore: new channels before the others; nil for half of them. The rest comes behind.
    ///
    /// Computed as a 1x1 convolution with constant weights of zeros and ones, which is exact.
    package func paddedShortcut(
        _ input: Value, _ name: String, outputs: Int, stride: Int, zerosBefore: Int? = nil
    ) -> Value {
        let shape = shape(input)
        precondition(shape.count == 3 && outputs >= shape[0] + (zerosBefore ?? 0))
        return append(imageShape(shape, outputs, kernel: 1, stride: stride, padding: 0)) {
            Convolution(
                name: name, input: input, output: $0, inputShape: shape, outputShape: self.shape($0),
                window: .init(kernel: 1, stride: stride, padding: 0),
                weights: .selection(firstOutput: zerosBefore ?? (outputs - shape[0]) / 2), bias: nil)
        }
    }

    func imageShape(_ shape: [Int], _ channels: Int, kernel: Int, stride: Int, padding: Int) -> [Int] {
        let sides = shape[1...].map { ($0 + 2 * padding - kernel) / stride + 1 }
        precondition(sides.allSatisfy { $0 > 0 }, "a window of \(kernel) does not fit into \(shape)")
        return [channels] + sides
    }
}

/// Side, step and margin of a square window.
struct Window {
    let kernel: Int
    let stride: Int
    let padding: Int

    var kernels: [Int64] { [Int64(kernel), Int64(kernel)] }
    var strides: [Int64] { [Int64(stride), Int64(stride)] }
    var paddings: [Int64] { [Int64(padding), Int64(padding)] }
}

private struct Convolution: Operation {
    enum Weights {
        case parameter(TensorLayout.Entry)
        /// Output channel firstOutput + c repeats input channel c.
        case selection(firstOutput: Int)
    }

    let name: String
    let input: Value
    let output: Value
    let inputShape: [Int]
    let outputShape: [Int]
    let window: Window
    let weights: Weights
    let bias: TensorLayout.Entry?

    var inputs: [Value] { [input] }

    var hasParameters: Bool {
        if case .parameter = weights { true } else { false }
    }

    var weightShape: [Int] { [outputShape[0], inputShape[0], window.kernel, window.kernel] }

    var multiplyAdds: Int { hasParameters ? weightShape.reduce(1, *) * outputShape[1] * outputShape[2] : 0 }

    func operandPrecision(_ builder: PlanBuilder) -> Precision { precision(builder, .forward) }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let activation = builder.activation(input)
        let precision = self.precision(builder, .forward)
        let given = try builder.inPrecision(name, activation, precision)
        let storedWeights = try self.storedWeights(builder)
        let weightsAny = try DataLayout.any(weightShape, precision)
        let written = writtenPrecision(builder, output, computedIn: precision)
        let destinationAny = try DataLayout.any([builder.batch] + outputShape, written)
        let biasLayout = try bias.map { try DataLayout.plain($0.shape) }
        let forward = try best(builder, .forward, [given.layout]) { primitive, algorithm, layouts in
            cdnn_convolution_forward(
                &primitive, builder.engine.handle, algorithm, layouts[0].handle,
                weightsAny.handle, biasLayout?.handle, destinationAny.handle, window.strides, window.paddings, nil)
        }
        let source = try builder.reordered(name, given, to: forward.layout(cdnn_source, of: given.layout))
        let destination = builder.allocate(
            try forward.layout(cdnn_destination, [builder.batch] + outputShape, written))
        let forwardWeights = try builder.reordered(
            "\(name) weights", storedWeights, to: try forward.layout(cdnn_weights, weightShape, precision))
        var arguments = [
            (DNNL_ARG_SRC, source), (DNNL_ARG_WEIGHTS, forwardWeights), (DNNL_ARG_DST, destination),
        ]
        if let bias, let biasLayout {
            arguments.append((DNNL_ARG_BIAS, Operand(layout: biasLayout, location: .parameters(bias.offset))))
        }
        try builder.call("\(name) forward", forward, arguments)
        let result = try builder.inPrecision(name, destination, builder.precision(of: output))
        builder.setActivation(output, result)

        return {
            guard let gradient = try builder.gradient(name, of: output, in: result.layout) else { return }
            let forWeights = try builder.inPrecision(name, gradient, self.precision(builder, .backwardWeights))
            let dataPrecision = self.precision(builder, .backwardData)
            let forData = try builder.inPrecision(
                name, forWeights.layout.precision == dataPrecision ? forWeights : gradient, dataPrecision)
            try backwardWeights(builder, builder.inBackward(activation, input), forWeights, biasLayout, forward)
            try backwardData(builder, activation.layout, forData, storedWeights, forward)
        }
    }

    /// What a direction computes in. In bfloat16 Winograd's algorithm in float32 is faster than direct convolution
    /// where there are channels and tiles enough (`docs/decisions/Compute.md`), and more exact; not on matrix units.
    private func precision(_ builder: PlanBuilder, _ direction: Direction) -> Precision {
        guard builder.precision == .bfloat16, !Precision.hasMatrixUnits, usesWinograd(builder, direction) else {
            return builder.precision
        }
        let isFaster = channels >= 64 && tiles(builder.batch) >= (direction == .backwardWeights ? 64 : 256)
        return isFaster ? .float32 : .bfloat16
    }

    /// What a direction writes `value`, or its gradient, in: products of bfloat16 can be written in either precision.
    private func writtenPrecision(_ builder: PlanBuilder, _ value: Value, computedIn precision: Precision) -> Precision
    {
        precision == .bfloat16 ? builder.precision(of: value) : precision
    }

    private func backwardWeights(
        _ builder: PlanBuilder, _ source: Operand, _ gradient: Operand, _ biasLayout: DataLayout?, _ forward: Primitive
    ) throws {
        guard case .parameter(let entry) = weights else { return }
        var source = try builder.inPrecision(name, source, gradient.layout.precision)
        let any = try DataLayout.any(weightShape)
        let primitive = try best(builder, .backwardWeights, [source.layout, gradient.layout]) {
            primitive, algorithm, layouts in
            cdnn_convolution_backward_weights(
                &primitive, builder.engine.handle, algorithm, layouts[0].handle, any.handle, biasLayout?.handle,
                layouts[1].handle, window.strides, window.paddings, forward.descriptor)
        }
        source = try builder.reordered(name, source, to: primitive.layout(cdnn_source, of: source.layout))
        let gradient = try builder.reordered(
            name, gradient, to: primitive.layout(cdnn_diff_destination, of: gradient.layout))
        let stored = builder.parameterGradient(try .stored(entry), at: entry.offset)
        let layout = try primitive.layout(cdnn_diff_weights, weightShape)
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
    }

    private func backwardData(
        _ builder: PlanBuilder, _ activation: DataLayout, _ gradient: Operand, _ storedWeights: Operand,
        _ forward: Primitive
    ) throws {
        guard builder.needsGradient(input) else { return }
        let precision = gradient.layout.precision
        let wanted = try activation.converted(to: writtenPrecision(builder, input, computedIn: precision))
        let any = try DataLayout.any(weightShape, precision)
        let primitive = try best(builder, .backwardData, [wanted, gradient.layout]) { primitive, algorithm, layouts in
            cdnn_convolution_backward_data(
                &primitive, builder.engine.handle, algorithm, layouts[0].handle, any.handle, layouts[1].handle,
                window.strides, window.paddings, forward.descriptor)
        }
        let result = builder.allocate(try primitive.layout(cdnn_diff_source, of: wanted))
        let gradient = try builder.reordered(
            name, gradient, to: primitive.layout(cdnn_diff_destination, of: gradient.layout))
        let reordered = try builder.reordered(
            "\(name) weights", storedWeights, to: try primitive.layout(cdnn_weights, weightShape, precision))
        try builder.call(
            "\(name) backward data", primitive,
            [(DNNL_ARG_DIFF_DST, gradient), (DNNL_ARG_WEIGHTS, reordered), (DNNL_ARG_DIFF_SRC, result)])
        try builder.contribute(name, to: input, builder.inPrecision(name, result, builder.precision(of: input)))
    }

    private func storedWeights(_ builder: PlanBuilder) throws -> Operand {
        switch weights {
        case .parameter(let entry): return Operand(layout: try .stored(entry), location: .parameters(entry.offset))
        case .selection(let firstOutput):
            let operand = try builder.allocate(weightShape)
            let (outputs, inputs) = (weightShape[0], weightShape[1])
            builder.kernel("\(name) selection", kind: "shortcut", touching: [operand]) { context in
                let values = context.floats(operand)
                values.update(repeating: 0, count: outputs * inputs)
                for channel in 0..<inputs { values[(firstOutput + channel) * inputs + channel] = 1 }
            }
            return operand
        }
    }

    private enum Direction: String {
        case forward
        case backwardData = "backward data"
        case backwardWeights = "backward weights"
    }

    /// The fastest known algorithm that oneDNN has for this shape and direction on this processor.
    ///
    /// - Parameter layouts: of the images that it reads or writes; the primitive may ask for others.
    private func best(
        _ builder: PlanBuilder, _ direction: Direction, _ layouts: [DataLayout],
        _ create: (inout dnnl_primitive_desc_t?, dnnl_alg_kind_t, [DataLayout]) -> Int32
    ) throws -> Primitive {
        let purpose = "\(name) \(direction.rawValue)"
        if precision(builder, direction) == .float32, usesWinograd(builder, direction) {
            let winograd = try? Primitive(purpose) { create(&$0, dnnl_convolution_winograd, layouts) }
            if let winograd { return winograd }
        }
        func direct(_ layouts: [DataLayout]) throws -> Primitive {
            try Primitive(purpose) { create(&$0, dnnl_convolution_direct, layouts) }
        }
        return direction != .forward && mayReorder(builder)
            ? try .avoidingReference(layouts, direct) : try direct(layouts)
    }

    /// Whether another layout than an operand's is tried where oneDNN has but a reference kernel: backward without
    /// AVX-512, for whole blocks of channels on both sides or pixels before them, which is where models of the catalog
    /// need it. Elsewhere another kernel rounds otherwise, and ten steps of AdamW on the small goldens magnify that
    /// beyond their bounds.
    private func mayReorder(_ builder: PlanBuilder) -> Bool {
        Precision.bfloat16.support == .none && outputShape[0].isMultiple(of: TensorLayout.channelBlock)
            && (inputShape[0].isMultiple(of: TensorLayout.channelBlock) || !builder.needsGradient(input))
    }

    /// Winograd's 4x3 tiles pay for 3x3 windows at stride 1 with enough channels to fill vectors and enough tiles to
    /// make its transformed products large. The bounds are where it was measured to win with caches shared by other
    /// ranks (`docs/decisions/Compute.md`): a rule decides alike on all ranks and in every run, as a timed trial
    /// would not.
    private func usesWinograd(_ builder: PlanBuilder, _ direction: Direction) -> Bool {
        guard builder.convolutionPolicy == .auto, window.kernel == 3, window.stride == 1, window.padding == 1 else {
            return false
        }
        let tiles = tiles(builder.batch)
        return direction == .backwardWeights ? channels >= 16 && tiles >= 16 : channels >= 32 && tiles >= 32
    }

    /// The smaller count of both sides.
    private var channels: Int { min(inputShape[0], outputShape[0]) }

    /// Winograd's tiles of 4x4 results in a batch.
    private func tiles(_ batch: Int) -> Int { batch * ((outputShape[1] + 3) / 4) * ((outputShape[2] + 3) / 4) }
}
