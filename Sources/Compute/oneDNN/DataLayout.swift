import COneDNN

/// A tensor's dimensions, element type and order in memory (oneDNN's memory descriptor).
package final class DataLayout {
    let handle: OpaquePointer
    package let dimensions: [Int]

    private init(owning handle: OpaquePointer, dimensions: [Int]) {
        self.handle = handle
        self.dimensions = dimensions
    }

    deinit { cdnn_layout_destroy(handle) }

    private static func make(
        _ dimensions: [Int], _ purpose: String, _ create: (inout OpaquePointer?) -> Int32
    ) throws(DNNLError) -> DataLayout {
        var handle: OpaquePointer?
        let status = create(&handle)
        guard status == 0, let handle else {
            throw DNNLError(status: status, call: "\(purpose) layout of \(dimensions)")
        }
        return DataLayout(owning: handle, dimensions: dimensions)
    }

    /// Float32 with the given strides, in elements; row-major when absent.
    package static func plain(_ dimensions: [Int], strides: [Int]? = nil) throws(DNNLError) -> DataLayout {
        let strides = strides ?? rowMajorStrides(dimensions)
        return try make(dimensions, "plain") {
            cdnn_layout_create(
                &$0, Int32(dimensions.count), dimensions.map(Int64.init), dnnl_f32, strides.map(Int64.init))
        }
    }

    /// Float32 in whatever order the primitive that it is given to likes best.
    package static func any(_ dimensions: [Int]) throws(DNNLError) -> DataLayout {
        try make(dimensions, "free") {
            cdnn_layout_create(&$0, Int32(dimensions.count), dimensions.map(Int64.init), dnnl_f32, nil)
        }
    }

    /// A copy of what a primitive asks for.
    static func queried(
        _ descriptor: dnnl_primitive_desc_t, _ argument: cdnn_argument, dimensions: [Int]
    ) throws(DNNLError) -> DataLayout {
        try make(dimensions, "queried") { cdnn_query_layout(&$0, descriptor, argument) }
    }

    package func reshaped(_ dimensions: [Int]) throws(DNNLError) -> DataLayout {
        try Self.make(dimensions, "reshaped") {
            cdnn_layout_reshape(&$0, handle, Int32(dimensions.count), dimensions.map(Int64.init))
        }
    }

    package var byteCount: Int { cdnn_layout_bytes(handle) }

    package static func == (a: DataLayout, b: DataLayout) -> Bool { cdnn_layout_equal(a.handle, b.handle) != 0 }

    package static func rowMajorStrides(_ dimensions: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: dimensions.count)
        for axis in stride(from: dimensions.count - 2, through: 0, by: -1) {
            strides[axis] = strides[axis + 1] * dimensions[axis + 1]
        }
        return strides
    }
}
