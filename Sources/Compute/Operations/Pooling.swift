import COneDNN

extension Graph {
    /// The largest value in each window, as PyTorch's `MaxPool2d`. `[C, H, W]` to `[C, (H + 2·padding − kernel)/stride
    /// + 1, …]`.
    package func maxPooling(_ input: Value, _ name: String, kernel: Int, stride: Int, padding: Int = 0) -> Value {
        pooling(input, name, .init(kernel: kernel, stride: stride, padding: padding), dnnl_pooling_max)
    }

    /// The mean of each window, margins counted as zeros, as PyTorch's `AvgPool2d`.
    package func averagePooling(_ input: Value, _ name: String, kernel: Int, stride: Int, padding: Int = 0) -> Value {
        pooling(
            input, name, .init(kernel: kernel, stride: stride, padding: padding), dnnl_pooling_avg_include_padding)
    }

    /// The mean of each channel: `[C, S, S]` to `[C]`.
    package func globalAveragePooling(_ input: Value, _ name: String) -> Value {
        let shape = shape(input)
        precondition(
            shape.count == 3 && shape[1] == shape[2], "\(name): global pooling reads a square image, not \(shape)")
        return flatten(averagePooling(input, name, kernel: shape[1], stride: 1), "\(name) flatten")
    }

    /// `[C, H, W]` to `[C·H·W]`, row-major.
    package func flatten(_ input: Value, _ name: String) -> Value {
        append([shape(input).reduce(1, *)]) {
            Flattening(name: name, input: input, output: $0, count: self.shape($0)[0])
        }
    }

    private func pooling(_ input: Value, _ name: String, _ window: Window, _ algorithm: dnnl_alg_kind_t) -> Value {
        let shape = shape(input)
        precondition(shape.count == 3, "\(name): pooling reads an image, not \(shape)")
        precondition(2 * window.padding <= window.kernel, "\(name): padding is at most half the window")
        return append(
            imageShape(shape, shape[0], kernel: window.kernel, stride: window.stride, padding: window.padding)
        ) {
            Pooling(
                name: name, input: input, output: $0, outputShape: self.shape($0), window: window, algorithm: algorithm)
        }
    }
}

private struct Pooling: Operation {
    let name: String
    let input: Value
    let output: Value
    let outputShape: [Int]
    let window: Window
    let algorithm: dnnl_alg_kind_t

    var inputs: [Value] { [input] }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let source = builder.activation(input)
        let any = try DataLayout.any([builder.batch] + outputShape, source.layout.precision)
        let forward = try Primitive("\(name) forward") {
            cdnn_pooling_forward(
                &$0, builder.engine.handle, builder.training ? 1 : 0, algorithm, source.layout.handle, any.handle,
                window.strides, window.kernels, window.paddings)
        }
        let destination = builder.allocate(
            try forward.layout(
                cdnn_destination, [builder.batch] + outputShape, source.layout.precision))
        let workspace = try builder.allocateWorkspace(of: forward)
        var arguments = [(DNNL_ARG_SRC, source), (DNNL_ARG_DST, destination)]
        if let workspace { arguments.append((DNNL_ARG_WORKSPACE, workspace)) }
        try builder.call("\(name) forward", forward, arguments)
        builder.setActivation(output, destination)
        return {
            guard builder.needsGradient(input),
                let gradient = try builder.gradient(name, of: output, in: destination.layout)
            else { return }
            let backward = try Primitive("\(name) backward") {
                cdnn_pooling_backward(
                    &$0, builder.engine.handle, algorithm, source.layout.handle, gradient.layout.handle, window.strides,
                    window.kernels, window.paddings, forward.descriptor)
            }
            let result = builder.allocate(source.layout)
            var arguments = [(DNNL_ARG_DIFF_DST, gradient), (DNNL_ARG_DIFF_SRC, result)]
            if let workspace { arguments.append((DNNL_ARG_WORKSPACE, workspace)) }
            try builder.call("\(name) backward", backward, arguments)
            try builder.contribute(name, to: input, result)
        }
    }
}

private struct Flattening: Operation {
    let name: String
    let input: Value
    let output: Value
    let count: Int

    var inputs: [Value] { [input] }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let source = builder.activation(input)
        let plain = try DataLayout.plain(source.layout.dimensions, source.layout.precision)
        let flat = try DataLayout.plain([builder.batch, count], source.layout.precision)
        builder.setActivation(output, try builder.reordered(name, source, to: plain).viewed(as: flat))
        return {
            guard let gradient = try builder.gradient(name, of: output, in: flat) else { return }
            let isShared = builder.gradient(of: output)?.isShared ?? true
            try builder.contribute(name, to: input, gradient.viewed(as: plain), isShared: isShared)
        }
    }
}
