import COneDNN

/// A oneDNN primitive and its descriptor: created once, run any number of times.
///
/// The descriptor alone reports layouts, sizes and the implementation; ``compile()`` generates machine code.
package final class Primitive {
    let descriptor: dnnl_primitive_desc_t
    private let purpose: String
    private var handle: dnnl_primitive_t?
    /// See ``run(on:_:_:)``.
    private let stackOffset: Int32

    /// - Parameter purpose: what the primitive is for, for messages.
    package init(_ purpose: String, _ create: (inout dnnl_primitive_desc_t?) -> Int32) throws(DNNLError) {
        var descriptor: dnnl_primitive_desc_t?
        let status = create(&descriptor)
        guard status == 0, let descriptor else { throw DNNLError(status: status, call: purpose) }
        self.descriptor = descriptor
        self.purpose = purpose
        // Measured with Debian's oneDNN 2.6.3, whose own frames lie between; with another build it may be the slower
        // choice, never wrong.
        stackOffset = cdnn_kind(descriptor) == dnnl_softmax ? 32 : 16
    }

    deinit {
        if let handle { dnnl_primitive_destroy(handle) }
        dnnl_primitive_desc_destroy(descriptor)
    }

    /// Makes it ready to run; a second call does nothing.
    @discardableResult package func compile() throws(DNNLError) -> Primitive {
        if handle == nil { try check(dnnl_primitive_create(&handle, descriptor), purpose) }
        return self
    }

    /// Runs the compiled primitive, with the stack aligned for its kernel (`docs/decisions/Compute.md`).
    func run(
        on stream: dnnl_stream_t, _ arguments: UnsafeBufferPointer<dnnl_exec_arg_t>,
        _ purpose: @autoclosure () -> String
    ) throws(DNNLError) {
        guard let handle else { preconditionFailure("\(self.purpose) has not been compiled") }
        let status = cdnn_execute(
            handle, stream, Int32(truncatingIfNeeded: arguments.count), arguments.baseAddress, stackOffset)
        try check(status, purpose())
    }

    /// The layout that the primitive chose for one argument.
    ///
    /// - Parameter precision: what the argument was declared with.
    package func layout(
        _ argument: cdnn_argument, _ dimensions: [Int], _ precision: Precision = .float32
    ) throws(DNNLError) -> DataLayout {
        try .queried(descriptor, argument, dimensions: dimensions, precision)
    }

    /// The layout that the primitive chose for an argument that was to be in `layout`, or anything of its shape.
    func layout(_ argument: cdnn_argument, of layout: DataLayout) throws(DNNLError) -> DataLayout {
        try self.layout(argument, layout.dimensions, layout.precision)
    }

    /// Bytes of scratch memory that one run needs; 0 for most.
    package var scratchpadBytes: Int { bytes(of: cdnn_scratchpad) }

    /// Bytes that a forward pass keeps for the backward pass; 0 for most.
    package var workspaceBytes: Int { bytes(of: cdnn_workspace) }

    private func bytes(of argument: cdnn_argument) -> Int {
        var layout: OpaquePointer?
        guard cdnn_query_layout(&layout, descriptor, argument) == 0, let layout else { return 0 }
        defer { cdnn_layout_destroy(layout) }
        return cdnn_layout_bytes(layout)
    }

    /// Such as `jit_wino_4x3:avx512_core` or `brg:avx512_core`.
    package var implementation: String { String(cString: cdnn_implementation(descriptor)) }

    /// Whether this is oneDNN's loop over single elements, hundreds of times slower than a kernel.
    package var isReference: Bool { Self.isReference(implementation) }

    /// Of names such as `ref:any`, `bnorm_ref:any` and `gemm:ref`.
    static func isReference(_ implementation: String) -> Bool {
        implementation.split { $0 == ":" || $0 == "_" }.contains("ref")
    }

    /// The first that is no reference kernel with the operands in the given layouts or, one by one and then all, in an
    /// order of oneDNN's choice; where there is none, the one with the given layouts. Callers reorder the operands to
    /// what the primitive then asks for (``layout(_:of:)``), which costs a pass over memory.
    static func avoidingReference(
        _ given: [DataLayout], _ make: ([DataLayout]) throws -> Primitive
    ) throws -> Primitive {
        let first = try make(given)
        guard first.isReference else { return first }
        let free = try given.map { try DataLayout.any($0.dimensions, $0.precision) }
        var attempts = given.indices.map { index in given.indices.map { $0 == index ? free[$0] : given[$0] } }
        if given.count > 1 { attempts.append(free) }
        for layouts in attempts {
            if let primitive = try? make(layouts), !primitive.isReference { return primitive }
        }
        return first
    }
}
