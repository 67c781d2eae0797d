import COneDNN
import Vectors

/// What operations compute with, and what activations and their gradients are kept in. Weights, gradients of weights,
/// statistics and the loss are float32 in either case.
package enum Precision: String, Sendable, CaseIterable, Codable {
    case float32
    /// Brain floating point: float32's exponent and 8 significant bits. Products are summed in float32.
    case bfloat16

    var dataType: dnnl_data_type_t { self == .float32 ? dnnl_f32 : dnnl_bf16 }
    var byteCount: Int { self == .float32 ? 4 : 2 }
}

/// A tensor's dimensions, element type and order in memory (oneDNN's memory descriptor).
package final class DataLayout {
    let handle: OpaquePointer
    package let dimensions: [Int]
    package let precision: Precision

    private init(owning handle: OpaquePointer, dimensions: [Int], precision: Precision) {
        self.handle = handle
        self.dimensions = dimensions
        self.precision = precision
    }

    deinit { cdnn_layout_destroy(handle) }

    private static func make(
        _ dimensions: [Int], _ precision: Precision, _ purpose: String, _ create: (inout OpaquePointer?) -> Int32
    ) throws(DNNLError) -> DataLayout {
        var handle: OpaquePointer?
        let status = create(&handle)
        guard status == 0, let handle else {
            throw DNNLError(status: status, call: "\(purpose) layout of \(dimensions)")
        }
        return DataLayout(owning: handle, dimensions: dimensions, precision: precision)
    }

    /// With the given strides, in elements; row-major when absent.
    package static func plain(
        _ dimensions: [Int], strides: [Int]? = nil, _ precision: Precision = .float32
    ) throws(DNNLError) -> DataLayout {
        let strides = strides ?? rowMajorStrides(dimensions)
        return try make(dimensions, precision, "plain") {
            cdnn_layout_create(
                &$0, Int32(dimensions.count), dimensions.map(Int64.init), precision.dataType, strides.map(Int64.init))
        }
    }

    /// Of a parameter in the flat vector.
    static func stored(_ entry: TensorLayout.Entry) throws(DNNLError) -> DataLayout {
        switch entry.order {
        case .rowMajor: try plain(entry.shape)
        case .blockedChannels:
            try make(entry.shape, .float32, "blocked") { cdnn_layout_blocked_weights(&$0, entry.shape.map(Int64.init)) }
        }
    }

    /// In whatever order the primitive that it is given to likes best.
    package static func any(_ dimensions: [Int], _ precision: Precision = .float32) throws(DNNLError) -> DataLayout {
        try make(dimensions, precision, "free") {
            cdnn_layout_create(&$0, Int32(dimensions.count), dimensions.map(Int64.init), precision.dataType, nil)
        }
    }

    /// A copy of what a primitive asks for.
    static func queried(
        _ descriptor: dnnl_primitive_desc_t, _ argument: cdnn_argument, dimensions: [Int], _ precision: Precision
    ) throws(DNNLError) -> DataLayout {
        // A primitive's own buffers are bytes, of which the kind does not matter.
        try make(dimensions, precision, "queried") { cdnn_query_layout(&$0, descriptor, argument) }
    }

    package func reshaped(_ dimensions: [Int]) throws(DNNLError) -> DataLayout {
        try Self.make(dimensions, precision, "reshaped") {
            cdnn_layout_reshape(&$0, handle, Int32(dimensions.count), dimensions.map(Int64.init))
        }
    }

    /// The same order with elements of another precision.
    package func converted(to precision: Precision) throws(DNNLError) -> DataLayout {
        try Self.make(dimensions, precision, "converted") { cdnn_layout_convert(&$0, handle, precision.dataType) }
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
