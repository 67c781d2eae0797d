import COneDNN

/// A parameter's gradient within the arena, and the entries of the flat gradient that it is.
struct ParameterGradient {
    let entries: Range<Int>
    let buffer: ArenaBuffer
}

/// Collects a graph's instructions for one batch size: layers emit their forward pass in order and, where it is needed,
/// their backward pass in reverse.
package final class PlanBuilder {
    package let engine: Engine
    package let batch: Int
    package let kind: ProgramKind
    package let convolutionPolicy: ConvolutionPolicy
    /// Of activations, their gradients, and the operands of products, unless said otherwise for one of them.
    package let precision: Precision
    /// Entries of the gradient, padding included.
    let gradientCount: Int
    private var float32Values: Set<Value> = []
    private(set) var instructions: [Instruction] = []
    private(set) var buffers: [ArenaBuffer] = []
    /// Bytes of ``Kinks`` so far.
    private(set) var kinkBytes = 0
    /// Instructions before this index are the forward pass.
    private(set) var forwardCount = 0
    /// The gradient of each parameter, in the order in which backward passes asked for them.
    private(set) var parameterGradients: [ParameterGradient] = []
    private var activations: [Value: Operand] = [:]
    /// What computes an activation again in the backward pass, where that costs less than keeping it.
    private var recomputations: [Value: () throws -> Operand] = [:]
    private var recomputed: [Value: Operand] = [:]
    private var gradients: [Value: (operand: Operand, isShared: Bool)] = [:]
    /// Values through which the loss does not reach a parameter: their gradient is never asked for.
    private let needsGradient: Set<Value>

    init(
        engine: Engine, batch: Int, kind: ProgramKind, convolutionPolicy: ConvolutionPolicy, precision: Precision,
        gradientCount: Int, needsGradient: Set<Value>
    ) {
        self.engine = engine
        self.batch = batch
        self.kind = kind
        self.convolutionPolicy = convolutionPolicy
        self.precision = precision
        self.gradientCount = gradientCount
        self.needsGradient = needsGradient
    }

    func endForward() { forwardCount = instructions.count }

    // MARK: Memory

    /// A new range of the arena with this layout.
    package func allocate(_ layout: DataLayout) -> Operand {
        Operand(layout: layout, location: .arena(allocate(bytes: layout.byteCount)))
    }

    /// New float32 in row-major order.
    package func allocate(_ dimensions: [Int]) throws -> Operand { allocate(try .plain(dimensions)) }

    /// Row-major or strided, in the program's precision.
    package func layout(_ dimensions: [Int], strides: [Int]? = nil) throws(DNNLError) -> DataLayout {
        try .plain(dimensions, strides: strides, precision)
    }

    /// Plain bytes, for a workspace.
    func allocateWorkspace(of primitive: Primitive) throws -> Operand? {
        let bytes = primitive.workspaceBytes
        guard bytes > 0 else { return nil }
        let layout = try primitive.layout(cdnn_workspace, [bytes])
        return Operand(layout: layout, location: .arena(allocate(bytes: bytes)))
    }

    /// A range of the kinks' memory, by its first byte, for values that stay from pass to pass.
    func allocateKinks(bytes: Int) -> Int {
        defer { kinkBytes += (bytes + 63) / 64 * 64 }
        return kinkBytes
    }

    private func allocate(bytes: Int) -> ArenaBuffer {
        let buffer = ArenaBuffer(byteCount: bytes)
        buffers.append(buffer)
        return buffer
    }

    // MARK: Instructions

    /// Appends a primitive. Its scratch pad is added here.
    func call(_ label: String, _ primitive: Primitive, _ arguments: [(Int32, Operand)]) throws {
        var arguments = arguments.map { (argument: $0.0, operand: $0.1) }
        let bytes = primitive.scratchpadBytes
        if bytes > 0 {
            let layout = try primitive.layout(cdnn_scratchpad, [bytes])
            arguments.append((DNNL_ARG_SCRATCHPAD, Operand(layout: layout, location: .arena(allocate(bytes: bytes)))))
        }
        append(Instruction(label, primitive: primitive, arguments), touching: arguments.map(\.operand))
    }

    /// Appends a kernel of ours.
    ///
    /// - Parameters:
    ///   - operands: all those that it reads or writes.
    ///   - scratch: memory that nothing else reads.
    ///   - operations: floating-point operations of a convolution or matrix product.
    package func kernel(
        _ label: String, kind: String, touching operands: [Operand], scratch: Operand? = nil, operations: Double = 0,
        _ body: @escaping (RunContext) -> Void
    ) {
        append(
            Instruction(label, kind: kind, touching: operands, operations: operations, kernel: body),
            touching: operands + [scratch].compactMap(\.self))
    }

    /// The same in parts that threads share; what a part computes may not depend on which others run beside it.
    func kernel(
        _ label: String, kind: String, touching operands: [Operand], scratch: Operand? = nil, operations: Double = 0,
        parts: Int, _ body: @escaping (RunContext, Int) -> Void
    ) {
        let kernel = ParallelKernel(parts: parts, body)
        self.kernel(
            label, kind: kind, touching: operands, scratch: scratch, operations: operations, kernel.run)
    }

    private func append(_ instruction: Instruction, touching operands: [Operand]) {
        let index = instructions.count
        instructions.append(instruction)
        for operand in operands {
            guard case .arena(let buffer) = operand.location else { continue }
            buffer.firstUse = min(buffer.firstUse, index)
            buffer.lastUse = max(buffer.lastUse, index)
        }
    }

    /// `operand` itself if it has this layout already, else a reordered copy.
    package func reordered(_ label: String, _ operand: Operand, to layout: DataLayout) throws -> Operand {
        if operand.layout == layout { return operand }
        let copy = allocate(layout)
        try reorder(label, from: operand, to: copy)
        return copy
    }

    func reorder(_ label: String, from source: Operand, to destination: Operand) throws {
        let primitive = try Primitive("\(label): reorder") {
            cdnn_reorder(&$0, engine.handle, source.layout.handle, destination.layout.handle)
        }
        try call(label, primitive, [(DNNL_ARG_FROM, source), (DNNL_ARG_TO, destination)])
    }

    // MARK: Activations

    /// - Parameter compute: emits what computes the activation again, from operands that the layer's own backward pass
    ///   needs anyway: then it need not live on between the passes, if all who read it there ask ``inBackward(_:_:)``.
    package func setActivation(
        _ value: Value, _ operand: Operand, computedAgainBy compute: (() throws -> Operand)? = nil
    ) {
        activations[value] = operand
        // A probing program keeps no pieces twice.
        if kind == .training, let compute { recomputations[value] = compute }
    }

    /// After the last instruction. What computes activations again holds the builder that holds it.
    func end() { recomputations.removeAll() }

    /// For a layer's backward pass: what its forward pass read as `operand`, the activation of `value` in the order
    /// that it was set in.
    func inBackward(_ operand: Operand, _ value: Value) throws -> Operand {
        guard let compute = recomputations[value] else { return operand }
        let again = try recomputed[value] ?? compute()
        recomputed[value] = again
        return again.viewed(as: operand.layout)
    }

    /// What the layer that computes `value` left. A layer is planned after those that it reads: absence is a defect of
    /// ours.
    package func activation(_ value: Value) -> Operand {
        guard let operand = activations[value] else { preconditionFailure("value \(value.index) has not been planned") }
        return operand
    }

    /// The activation in row-major order with other dimensions.
    ///
    /// - Parameter precision: nil for the program's.
    package func plainActivation(
        _ label: String, _ value: Value, as dimensions: [Int], _ precision: Precision? = nil
    ) throws -> Operand {
        let operand = activation(value)
        let precision = precision ?? self.precision
        let plain = try reordered(label, operand, to: .plain(operand.layout.dimensions, precision))
        return plain.viewed(as: try .plain(dimensions, precision))
    }

    /// What a value and its gradient are kept in.
    package func precision(of value: Value) -> Precision { float32Values.contains(value) ? .float32 : precision }

    /// Has the value kept in float32 whatever the program's precision. To be said before an operation that computes or
    /// reads it is planned.
    func keepInFloat32(_ value: Value) { float32Values.insert(value) }

    /// The operand in the order that it has and another precision.
    package func inPrecision(_ label: String, _ operand: Operand, _ precision: Precision) throws -> Operand {
        try reordered("\(label) precision", operand, to: operand.layout.converted(to: precision))
    }

    // MARK: Gradients

    /// Where a backward pass writes the gradient of the parameter at `offset`, in `layout`, that of the parameter:
    /// handed over after the last instruction that touches it, after which its memory is another's.
    package func parameterGradient(_ layout: DataLayout, at offset: Int) -> Operand {
        let buffer = allocate(bytes: layout.byteCount)
        let count = layout.dimensions.reduce(1, *)
        parameterGradients.append(ParameterGradient(entries: offset..<offset + count, buffer: buffer))
        return Operand(layout: layout, location: .arena(buffer))
    }

    /// The same, row-major.
    package func parameterGradient(_ dimensions: [Int], at offset: Int) throws -> Operand {
        parameterGradient(try .plain(dimensions), at: offset)
    }

    package func needsGradient(_ value: Value) -> Bool { needsGradient.contains(value) }

    /// ∂loss/∂value in `layout`, complete when the layer that computed `value` emits its backward pass; nil where the
    /// loss does not depend on it.
    package func gradient(_ label: String, of value: Value, in layout: DataLayout) throws -> Operand? {
        guard let operand = gradients[value]?.operand else { return nil }
        return try reordered(label, operand, to: layout)
    }

    /// The gradient as it is, and whether another value holds the same memory (then nothing may overwrite it).
    package func gradient(of value: Value) -> (operand: Operand, isShared: Bool)? { gradients[value] }

    /// Adds a term to ∂loss/∂value. `isShared` says that the operand's memory is also another value's gradient.
    package func contribute(_ label: String, to value: Value, _ term: Operand, isShared: Bool = false) throws {
        guard needsGradient(value) else { return }
        guard let present = gradients[value] else {
            gradients[value] = (term, isShared)
            return
        }
        // Overwrite whichever of the two nobody else holds.
        let other = try reordered(
            label, isShared ? term : present.operand, to: (isShared ? present.operand : term).layout)
        let base = isShared ? present.operand : term
        let sum = isShared && present.isShared ? allocate(base.layout) : base
        let primitive = try Primitive("\(label): add gradients") {
            cdnn_binary(
                &$0, engine.handle, dnnl_binary_add, base.layout.handle, other.layout.handle, sum.layout.handle, nil)
        }
        try call(label, primitive, [(DNNL_ARG_SRC_0, base), (DNNL_ARG_SRC_1, other), (DNNL_ARG_DST, sum)])
        gradients[value] = (sum, false)
    }

    /// Where a backward primitive may write: over `gradient` if nobody else holds it and the layouts agree, else new
    /// memory.
    package func target(over gradient: (operand: Operand, isShared: Bool), layout: DataLayout) -> Operand {
        !gradient.isShared && gradient.operand.layout == layout ? gradient.operand : allocate(layout)
    }
}
