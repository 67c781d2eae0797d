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

    /// In an order of oneDNN's.
    static func tagged(
        _ dimensions: [Int], _ tag: dnnl_format_tag_t, _ precision: Precision = .float32
    ) throws(DNNLError) -> DataLayout {
        try make(dimensions, precision, "tagged") {
            cdnn_layout_tagged(
                &$0, Int32(dimensions.count), dimensions.map(Int64.init), precision.dataType, tag)
        }
    }

    /// oneDNN's name for the order, such as `aBcd16b`: axes from the outermost to the innermost, capitals where one is
    /// in blocks, whose sizes follow. `strided` where no name is known here.
    var orderName: String {
        let candidates: [(String, dnnl_format_tag_t)] =
            switch dimensions.count {
            case 1: [("a", dnnl_a)]
            case 2: [("ab", dnnl_ab), ("ba", dnnl_ba)]
            case 3: [("abc", dnnl_abc)]
            case 4:
                [
                    ("abcd", dnnl_abcd), ("acdb", dnnl_acdb), ("aBcd4b", dnnl_aBcd4b), ("aBcd8b", dnnl_aBcd8b),
                    ("aBcd16b", dnnl_aBcd16b), ("abdc", dnnl_abdc), ("acbd", dnnl_acbd),
                    ("ABcd8a8b", dnnl_ABcd8a8b), ("ABcd8b8a", dnnl_ABcd8b8a), ("ABcd16a16b", dnnl_ABcd16a16b),
                    ("ABcd16b16a", dnnl_ABcd16b16a), ("ABcd4b4a", dnnl_ABcd4b4a), ("Acdb8a", dnnl_Acdb8a),
                    ("Acdb16a", dnnl_Acdb16a), ("Abcd8a", dnnl_Abcd8a), ("Abcd16a", dnnl_Abcd16a),
                    ("BAcd16a16b", dnnl_BAcd16a16b), ("ABcd8b16a2b", dnnl_ABcd8b16a2b),
                    ("ABcd8a16b2a", dnnl_ABcd8a16b2a),
                ]
            case 5: [("abcde", dnnl_abcde)]
            case 6: [("abcdef", dnnl_abcdef)]
            default: []
            }
        for (name, tag) in candidates {
            if let layout = try? DataLayout.tagged(dimensions, tag, precision), layout == self { return name }
        }
        return "strided"
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
