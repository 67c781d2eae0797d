import COneDNN

/// One thing that a program does: a primitive with its arguments, or a kernel of ours.
final class Instruction {
    enum Work {
        case primitive(Primitive, [(argument: Int32, operand: Operand)])
        case kernel((RunContext) -> Void)
    }

    /// The layer's name and the direction, for breakdowns and messages.
    let label: String
    /// What breakdowns sum over: `convolution backward data (Winograd)`.
    let kind: String
    /// Floating-point operations of a convolution, as a direct one, or matrix product.
    let operations: Double
    /// Of the operands, each counted once, scratch memory not.
    let bytes: Double
    let work: Work
    /// oneDNN's name for the kernel; nil for one of ours.
    var implementation: String? {
        guard case .primitive(let primitive, _) = work else { return nil }
        return primitive.implementation
    }
    /// What it reads and writes, each with what it is to a primitive, scratch memory not.
    let operands: [(role: String, layout: DataLayout)]
    /// Filled in by the program: the arguments in oneDNN's form.
    var arguments: UnsafeMutableBufferPointer<dnnl_exec_arg_t> = .init(start: nil, count: 0)

    init(_ label: String, primitive: Primitive, _ arguments: [(argument: Int32, operand: Operand)]) {
        let operands = Dictionary(arguments.map { ($0.argument, $0.operand) }) { first, _ in first }
        self.label = label
        work = .primitive(primitive, arguments)
        kind = primitive.kind(arguments: operands.keys)
        operations = primitive.operations(operands)
        let counted = arguments.filter { $0.argument != DNNL_ARG_SCRATCHPAD }
        self.operands = counted.map { (Primitive.role(of: $0.argument), $0.operand.layout) }
        bytes = counted.reduce(0) { $0 + Double($1.operand.layout.byteCount) }
    }

    init(
        _ label: String, kind: String, touching operands: [Operand], operations: Double = 0,
        kernel: @escaping (RunContext) -> Void
    ) {
        self.label = label
        self.kind = kind
        work = .kernel(kernel)
        self.operations = operations
        self.operands = operands.map { ("", $0.layout) }
        bytes = operands.reduce(0) { $0 + Double($1.layout.byteCount) }
    }
}

extension Primitive {
    /// oneDNN's short names.
    fileprivate static func role(of argument: Int32) -> String {
        switch argument {
        case DNNL_ARG_SRC: "src"
        case DNNL_ARG_SRC_1: "src1"
        case DNNL_ARG_WEIGHTS: "wei"
        case DNNL_ARG_BIAS: "bias"
        case DNNL_ARG_DST: "dst"
        case DNNL_ARG_WORKSPACE: "ws"
        case DNNL_ARG_DIFF_SRC: "diff_src"
        case DNNL_ARG_DIFF_WEIGHTS: "diff_wei"
        case DNNL_ARG_DIFF_BIAS: "diff_bias"
        case DNNL_ARG_DIFF_DST: "diff_dst"
        // A vector of a value a channel or row, which has but one order.
        default: ""
        }
    }

    fileprivate func kind(arguments: some Collection<Int32>) -> String {
        let name: String
        switch cdnn_kind(descriptor) {
        case dnnl_convolution: name = "convolution"
        case dnnl_matmul: name = "matrix product"
        case dnnl_batch_normalization: name = "BatchNorm"
        case dnnl_eltwise: name = "activation"
        case dnnl_softmax: name = "softmax"
        case dnnl_pooling: name = "pooling"
        case dnnl_binary: return "addition"
        case dnnl_reorder: return "reorder"
        default: name = "other"
        }
        if name == "matrix product" { return name }
        // The bare weights' gradient is the mark of a pass of its own; a normalization's comes with the data's.
        let direction =
            if arguments.contains(DNNL_ARG_DIFF_WEIGHTS) {
                "backward weights"
            } else if name == "convolution" && arguments.contains(DNNL_ARG_DIFF_SRC) {
                "backward data"
            } else if arguments.contains(DNNL_ARG_DIFF_SRC) { "backward" } else { "forward" }
        let mark = isReference ? " (reference)" : implementation.contains("wino") ? " (Winograd)" : ""
        return "\(name) \(direction)\(mark)"
    }

    fileprivate func operations(_ operands: [Int32: Operand]) -> Double {
        func count(_ candidates: Int32...) -> [Int]? {
            candidates.compactMap { operands[$0]?.layout.dimensions }.first
        }
        switch cdnn_kind(descriptor) {
        case dnnl_matmul:
            guard let result = count(DNNL_ARG_DST), let depth = count(DNNL_ARG_SRC)?.last else { return 0 }
            return 2 * Double(result.reduce(1, *)) * Double(depth)
        case dnnl_convolution:
            // Each pass has a multiply-add for each output value and weight of that value's channel.
            guard let weights = count(DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_WEIGHTS),
                let result = count(DNNL_ARG_DST, DNNL_ARG_DIFF_DST)
            else { return 0 }
            return 2 * Double(result.reduce(1, *)) * Double(weights.dropFirst().reduce(1, *))
        default: return 0
        }
    }
}
