import COneDNN

/// A oneDNN primitive and its descriptor: created once, run any number of times.
package final class Primitive {
    let descriptor: dnnl_primitive_desc_t
    let handle: dnnl_primitive_t
    /// See ``run(on:_:_:)``.
    private let stackOffset: Int32

    /// - Parameter purpose: what the primitive is for, for messages.
    package init(_ purpose: String, _ create: (inout dnnl_primitive_desc_t?) -> Int32) throws(DNNLError) {
        var descriptor: dnnl_primitive_desc_t?
        let status = create(&descriptor)
        guard status == 0, let descriptor else { throw DNNLError(status: status, call: purpose) }
        var handle: dnnl_primitive_t?
        let created = dnnl_primitive_create(&handle, descriptor)
        guard created == dnnl_success, let handle else {
            dnnl_primitive_desc_destroy(descriptor)
            throw DNNLError(status: Int32(bitPattern: created.rawValue), call: purpose)
        }
        self.descriptor = descriptor
        self.handle = handle
        // Measured with Debian's oneDNN 2.6.3, whose own frames lie between; with another build it may be the slower choice, never wrong.
        stackOffset = cdnn_kind(descriptor) == dnnl_softmax ? 32 : 16
    }

    deinit {
        dnnl_primitive_destroy(handle)
        dnnl_primitive_desc_destroy(descriptor)
    }

    /// Runs the primitive, with the stack where its kernel is fast in every process (`docs/performance.md`).
    func run(
        on stream: dnnl_stream_t, _ arguments: UnsafeBufferPointer<dnnl_exec_arg_t>,
        _ purpose: @autoclosure () -> String
    ) throws(DNNLError) {
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

    /// Bytes of scratch memory that one run needs; 0 for most.
    package var scratchpadBytes: Int { bytes(of: cdnn_scratchpad) }

    /// Bytes that a forward pass leaves for the backward pass; 0 for most.
    package var workspaceBytes: Int { bytes(of: cdnn_workspace) }

    private func bytes(of argument: cdnn_argument) -> Int {
        var layout: OpaquePointer?
        guard cdnn_query_layout(&layout, descriptor, argument) == 0, let layout else { return 0 }
        defer { cdnn_layout_destroy(layout) }
        return cdnn_layout_bytes(layout)
    }

    /// Such as `jit_wino_4x3:avx512_core` or `brg:avx512_core`; `ref` in it means a slow fallback.
    package var implementation: String { String(cString: cdnn_implementation(descriptor)) }
}
