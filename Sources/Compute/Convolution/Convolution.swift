import Vectors

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

    /// He et al.'s parameter-free shortcut ("option A"): every `stride`-th pixel, and zeros for the new channels, half
    /// of them before the others. With all of them behind and without a stride, see ``addPadded(_:_:_:)``.
    ///
    /// Computed as a 1x1 convolution with constant weights of zeros and ones, which is exact.
    package func paddedShortcut(_ input: Value, _ name: String, outputs: Int, stride: Int) -> Value {
        let shape = shape(input)
        precondition(shape.count == 3 && outputs >= shape[0])
        return append(imageShape(shape, outputs, kernel: 1, stride: stride, padding: 0)) {
            Convolution(
                name: name, input: input, output: $0, inputShape: shape, outputShape: self.shape($0),
                window: .init(kernel: 1, stride: stride, padding: 0),
                weights: .selection(firstOutput: (outputs - shape[0]) / 2), bias: nil)
        }
    }
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

    private var weightShape: [Int] { [outputShape[0], inputShape[0], window.kernel, window.kernel] }

    var multiplyAdds: Int { hasParameters ? weightShape.reduce(1, *) * outputShape[1] * outputShape[2] : 0 }

    func operandPrecision(_ builder: PlanBuilder) -> Precision { choice(builder).precision(.forward) }

    private func choice(_ builder: PlanBuilder) -> ConvolutionChoice {
        ConvolutionChoice(
            shape: .init(batch: builder.batch, input: inputShape, output: outputShape, window: window),
            policy: builder.convolutionPolicy, programPrecision: builder.precision)
    }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let choice = choice(builder)
        let primitives = OneDNNConvolution(
            name, choice.shape, needsDataGradient: builder.needsGradient(input), engine: builder.engine)
        func emit<Result>(
            _ direction: ConvolutionDirection, _ body: (any ConvolutionAlgorithm) throws -> Result?
        ) throws -> Result {
            for algorithm in choice.algorithms(direction, name, primitives) {
                if let result = try body(algorithm) { return result }
            }
            preconditionFailure("\(name) \(direction.rawValue): direct convolution takes every shape")
        }

        let activation = builder.activation(input)
        let precision = choice.precision(.forward)
        let given = try builder.inPrecision(name, activation, precision)
        let storedWeights = try self.storedWeights(builder)
        let biasOperand = try bias.map {
            Operand(layout: try .plain($0.shape), location: .parameters($0.offset))
        }
        let destination = try emit(.forward) {
            try $0.emitForward(
                builder, given, weights: storedWeights, bias: biasOperand,
                writing: writtenPrecision(builder, output, computedIn: precision))
        }
        let result = try builder.inPrecision(name, destination, builder.precision(of: output))
        builder.setActivation(output, result)

        return {
            guard let gradient = try builder.gradient(name, of: output, in: result.layout) else { return }
            let forWeights = try builder.inPrecision(name, gradient, choice.precision(.backwardWeights))
            let dataPrecision = choice.precision(.backwardData)
            let forData = try builder.inPrecision(
                name, forWeights.layout.precision == dataPrecision ? forWeights : gradient, dataPrecision)
            if case .parameter(let entry) = weights {
                let source = try builder.inPrecision(
                    name, builder.inBackward(activation, input), forWeights.layout.precision)
                _ = try emit(.backwardWeights) {
                    try $0.emitBackwardWeights(builder, source, forWeights, weights: entry, bias: bias) ? true : nil
                }
            }
            guard builder.needsGradient(input) else { return }
            let wanted = try activation.layout.converted(
                to: writtenPrecision(builder, input, computedIn: dataPrecision))
            let data = try emit(.backwardData) {
                try $0.emitBackwardData(builder, forData, weights: storedWeights, as: wanted)
            }
            try builder.contribute(name, to: input, builder.inPrecision(name, data, builder.precision(of: input)))
        }
    }

    /// What a direction writes `value`, or its gradient, in: products of bfloat16 can be written in either precision.
    private func writtenPrecision(_ builder: PlanBuilder, _ value: Value, computedIn precision: Precision) -> Precision
    {
        precision == .bfloat16 ? builder.precision(of: value) : precision
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
}
