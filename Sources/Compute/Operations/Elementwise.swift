import COneDNN

extension Graph {
    /// max(x, 0)
    package func relu(_ input: Value, _ name: String) -> Value {
        append(shape(input)) { Activation(name: name, input: input, output: $0, kind: .relu) }
    }

    /// x·Φ(x) with the exact normal distribution function (Hendrycks and Gimpel 2016, equation 1), as PyTorch's
    /// `GELU()`.
    package func gelu(_ input: Value, _ name: String) -> Value {
        append(shape(input)) { Activation(name: name, input: input, output: $0, kind: .gelu) }
    }

    /// tanh(x)
    package func tanh(_ input: Value, _ name: String) -> Value {
        append(shape(input)) { Activation(name: name, input: input, output: $0, kind: .tanh) }
    }

    /// a + b, elementwise; with `relu`, max(a + b, 0) in the same pass.
    package func add(_ a: Value, _ b: Value, _ name: String, relu: Bool = false) -> Value {
        precondition(shape(a) == shape(b), "\(name): cannot add \(shape(a)) and \(shape(b))")
        return append(shape(a)) { Addition(name: name, a: a, b: b, output: $0, relu: relu) }
    }
}

private struct Activation: Operation {
    enum Kind {
        /// Differentiated from its result.
        case relu
        /// Differentiated from its argument.
        case gelu, tanh

        var algorithm: dnnl_alg_kind_t {
            switch self {
            case .relu: dnnl_eltwise_relu
            case .gelu: dnnl_eltwise_gelu_erf
            case .tanh: dnnl_eltwise_tanh
            }
        }
    }

    let name: String
    let input: Value
    let output: Value
    let kind: Kind

    var inputs: [Value] { [input] }

    func operandPrecision(_ builder: PlanBuilder) -> Precision { builder.precision(of: output) }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let source = try builder.inPrecision(name, builder.activation(input), builder.precision(of: output))
        if kind == .relu && builder.kind == .probing { return try planKink(builder, source) }
        let algorithm = kind.algorithm
        let forward = try Primitive("\(name) forward") {
            cdnn_eltwise_forward(&$0, builder.engine.handle, algorithm, source.layout.handle)
        }
        let destination = builder.allocate(source.layout)
        try builder.call("\(name) forward", forward, [(DNNL_ARG_SRC, source), (DNNL_ARG_DST, destination)])
        builder.setActivation(output, destination)
        return {
            switch kind {
            case .relu:
                try emitReLUBackward(builder, name, result: destination, output: output) {
                    try builder.contribute(name, to: input, $0)
                }
            case .gelu, .tanh:
                guard let gradient = try builder.gradient(name, of: output, in: source.layout) else { return }
                let backward = try Primitive("\(name) backward") {
                    cdnn_eltwise_backward(
                        &$0, builder.engine.handle, algorithm, gradient.layout.handle, source.layout.handle,
                        forward.descriptor)
                }
                let isShared = builder.gradient(of: output)?.isShared ?? true
                let result = builder.target(over: (gradient, isShared), layout: source.layout)
                try builder.call(
                    "\(name) backward", backward,
                    [(DNNL_ARG_SRC, source), (DNNL_ARG_DIFF_DST, gradient), (DNNL_ARG_DIFF_SRC, result)])
                try builder.contribute(name, to: input, result)
            }
        }
    }
}

extension Activation {
    /// A ReLU in a probing program.
    fileprivate func planKink(_ builder: PlanBuilder, _ source: Operand) throws -> () throws -> Void {
        let destination = builder.allocate(source.layout)
        let kink = Kink(builder, "\(name) forward", of: source, into: destination)
        builder.setActivation(output, destination)
        return {
            try emitReLUBackward(builder, name, result: destination, kink, output: output) {
                try builder.contribute(name, to: input, $0)
            }
        }
    }
}

/// Emits max(x, 0) in place; in a probing program, as a kink.
func emitReLU(_ builder: PlanBuilder, _ label: String, _ operand: Operand) throws -> Kink? {
    if builder.kind == .probing { return Kink(builder, label, of: operand, into: operand) }
    let primitive = try Primitive(label) {
        cdnn_eltwise_forward(&$0, builder.engine.handle, dnnl_eltwise_relu, operand.layout.handle)
    }
    try builder.call(label, primitive, [(DNNL_ARG_SRC, operand), (DNNL_ARG_DST, operand)])
    return nil
}

/// Emits ∂loss/∂(argument of a ReLU) from the ReLU's result, positive ones of which let the gradient through, or
/// from its kink.
func emitReLUBackward(
    _ builder: PlanBuilder, _ name: String, result: Operand, _ kink: Kink? = nil, output: Value,
    _ pass: (Operand) throws -> Void
) throws {
    guard let gradient = try builder.gradient(name, of: output, in: result.layout) else { return }
    if let kink { return try pass(kink.emitBackward(builder, name, gradient, of: output)) }
    let algorithm = dnnl_eltwise_relu_use_dst_for_bwd
    let hint = try Primitive("\(name) forward") {
        cdnn_eltwise_forward(&$0, builder.engine.handle, algorithm, result.layout.handle)
    }
    let backward = try Primitive("\(name) backward") {
        cdnn_eltwise_backward(
            &$0, builder.engine.handle, algorithm, gradient.layout.handle, result.layout.handle, hint.descriptor)
    }
    let isShared = builder.gradient(of: output)?.isShared ?? true
    let target = builder.target(over: (gradient, isShared), layout: result.layout)
    try builder.call(
        "\(name) backward", backward,
        [(DNNL_ARG_DST, result), (DNNL_ARG_DIFF_DST, gradient), (DNNL_ARG_DIFF_SRC, target)])
    try pass(target)
}

private struct Addition: Operation {
    let name: String
    let a: Value
    let b: Value
    let output: Value
    let relu: Bool

    var inputs: [Value] { [a, b] }

    func operandPrecision(_ builder: PlanBuilder) -> Precision { builder.precision(of: output) }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let first = builder.activation(a)
        let second = try builder.reordered(
            name, builder.activation(b), to: first.layout.converted(to: builder.precision(of: b)))
        let sum = try first.layout.converted(to: builder.precision(of: output))
        let fusesReLU = relu && builder.kind != .probing
        var attributes = cdnn_attributes(
            output_scale: 1, sum: 0, activation: fusesReLU ? dnnl_eltwise_relu : dnnl_alg_kind_undef)
        let forward = try Primitive("\(name) forward") {
            cdnn_binary(
                &$0, builder.engine.handle, dnnl_binary_add, first.layout.handle, second.layout.handle,
                sum.handle, &attributes)
        }
        let destination = builder.allocate(sum)
        try builder.call(
            "\(name) forward", forward,
            [(DNNL_ARG_SRC_0, first), (DNNL_ARG_SRC_1, second), (DNNL_ARG_DST, destination)])
        let kink = relu && !fusesReLU ? try emitReLU(builder, "\(name) ReLU", destination) : nil
        builder.setActivation(output, destination)
        return {
            if relu {
                try emitReLUBackward(builder, name, result: destination, kink, output: output, pass)
            } else if let gradient = builder.gradient(of: output) {
                try pass(gradient.operand)
            }
        }

        // Both terms get the same gradient, in the same memory.
        func pass(_ gradient: Operand) throws {
            try builder.contribute(name, to: a, gradient, isShared: true)
            try builder.contribute(name, to: b, gradient, isShared: true)
        }
    }
}
