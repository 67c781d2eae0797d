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
        if builder.kind == .probing && algorithm == dnnl_pooling_max { return try planKink(builder, source) }
        let any = try DataLayout.any([builder.batch] + outputShape, source.layout.precision)
        let forward = try Primitive("\(name) forward") {
            cdnn_pooling_forward(
                &$0, builder.engine.handle, builder.kind.hasBackward ? 1 : 0, algorithm, source.layout.handle,
                any.handle, window.strides, window.kernels, window.paddings)
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

extension Pooling {
    /// Maxima in a probing program: where each was is kept, as the side of a kink is.
    private func planKink(_ builder: PlanBuilder, _ blocked: Operand) throws -> () throws -> Void {
        let plain = try DataLayout.plain(blocked.layout.dimensions)
        let source = try builder.reordered(name, blocked, to: plain)
        let destination = try builder.allocate([builder.batch] + outputShape)
        let planes = builder.batch * outputShape[0]
        let (pixels, results) = (plain.dimensions[2] * plain.dimensions[3], outputShape[1] * outputShape[2])
        let offset = builder.allocateKinks(bytes: planes * results * MemoryLayout<Int32>.stride)
        let (rows, columns) = (plain.dimensions[2], plain.dimensions[3])
        func places(_ context: RunContext, _ plane: Int) -> UnsafeMutablePointer<Int32> {
            UnsafeMutableRawPointer(context.kinks.pointer + offset).assumingMemoryBound(to: Int32.self)
                + plane * results
        }
        builder.kernel(
            "\(name) forward", kind: "pooling forward (kink)", touching: [source, destination], parts: planes
        ) { context, plane in
            let (x, y) = (context.floats(source) + plane * pixels, context.floats(destination) + plane * results)
            let places = places(context, plane)
            if !context.keepsKinks { findMaxima(x, rows, columns, places) }
            for result in 0..<results { y[result] = x[Int(places[result])] }
        }
        builder.setActivation(output, destination)
        return {
            guard builder.needsGradient(input),
                let gradient = try builder.gradient(name, of: output, in: destination.layout)
            else { return }
            let target = builder.allocate(plain)
            builder.kernel(
                "\(name) backward", kind: "pooling backward (kink)", touching: [gradient, target], parts: planes
            ) { context, plane in
                let (dx, dy) = (context.floats(target) + plane * pixels, context.floats(gradient) + plane * results)
                let places = places(context, plane)
                dx.update(repeating: 0, count: pixels)
                for result in 0..<results { dx[Int(places[result])] += dy[result] }
            }
            try builder.contribute(name, to: input, target)
        }
    }

    /// The place of the first largest pixel in each window; of the last that is not a number, where one is.
    private func findMaxima(
        _ x: UnsafePointer<Float>, _ rows: Int, _ columns: Int, _ places: UnsafeMutablePointer<Int32>
    ) {
        for row in 0..<outputShape[1] {
            for column in 0..<outputShape[2] {
                let (top, left) = (row * window.stride - window.padding, column * window.stride - window.padding)
                let first = max(top, 0) * columns + max(left, 0)
                var (best, place) = (x[first], first)
                for y in max(top, 0)..<min(top + window.kernel, rows) {
                    for z in max(left, 0)..<min(left + window.kernel, columns) {
                        let pixel = x[y * columns + z]
                        if pixel > best || pixel.isNaN { (best, place) = (pixel, y * columns + z) }
                    }
                }
                places[row * outputShape[2] + column] = Int32(place)
            }
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
