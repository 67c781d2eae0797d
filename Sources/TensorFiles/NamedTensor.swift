import Files
import Vectors

/// The element types of safetensors files that this project reads; it writes them too.
package enum TensorElement: String, Sendable, CaseIterable {
    case float32 = "F32"
    case float64 = "F64"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int64 = "I64"
    case int32 = "I32"
    case uint8 = "U8"

    package var byteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16: 2
        case .uint8: 1
        }
    }

    /// Whether tensors of a model can be read from it, as Float32.
    package var isFloat: Bool { [.float32, .float64, .float16, .bfloat16].contains(self) }
}

/// A tensor as files hold it: published name, shape, and the values in plain row-major order.
package struct NamedTensor: Sendable {
    package enum Values: Sendable {
        case float32(FlatVector)
        /// One of a flat vector's tensors, in whatever order: its values are put in row-major order as they are
        /// written.
        case stored(TensorLayout.Entry, in: FlatVector)
        /// Rounded to the nearest value of 16 bits, of two as near the even one, as they are written.
        case float16(FlatVector)
        case bfloat16(FlatVector)
        case float64([Double])
        case int64([Int])
        case int32([Int32])
        case uint8([UInt8])
    }

    package let name: String
    package let shape: [Int]
    package let values: Values

    /// A number of values other than the shape's product traps.
    package init(_ name: String, shape: [Int], _ values: Values) {
        self.name = name
        self.shape = shape
        self.values = values
        precondition(shape.reduce(1, *) == count, "tensor \(name): shape \(shape) and \(count) values")
    }

    /// Every tensor of `layout` in `vector`, in the layout's order, sharing its memory.
    package static func tensors(of vector: FlatVector, _ layout: TensorLayout, prefix: String = "") -> [NamedTensor] {
        layout.entries.map {
            NamedTensor(prefix + $0.name, shape: $0.shape, .stored($0, in: vector))
        }
    }

    package var count: Int {
        switch values {
        case .float32(let vector), .float16(let vector), .bfloat16(let vector): vector.count
        case .stored(let entry, _): entry.count
        case .float64(let array): array.count
        case .int64(let array): array.count
        case .int32(let array): array.count
        case .uint8(let array): array.count
        }
    }

    package var element: TensorElement {
        switch values {
        case .float32, .stored: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float64: .float64
        case .int64: .int64
        case .int32: .int32
        case .uint8: .uint8
        }
    }

    package func write(to sink: any ByteSink) throws(FileError) {
        switch values {
        case .float32(let vector): try Self.write(vector, to: sink)
        case .stored(let entry, let vector): try Self.write(entry.values(in: vector), to: sink)
        case .float16(let vector): try Self.write(vector.array.map { Float16($0).bitPattern }, to: sink)
        case .bfloat16(let vector): try Self.write(vector.array.map(Self.bfloat16), to: sink)
        case .float64(let array): try Self.write(array, to: sink)
        case .int64(let array): try Self.write(array, to: sink)
        case .int32(let array): try Self.write(array, to: sink)
        case .uint8(let array): try Self.write(array, to: sink)
        }
    }

    private static func bfloat16(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        // NaN stays NaN whatever its low bits are.
        if value.isNaN { return UInt16(bits >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (UInt64(bits) + 0x7FFF + UInt64(bits >> 16 & 1)) >> 16)
    }

    private static func write(_ vector: FlatVector, to sink: any ByteSink) throws(FileError) {
        try sink.write(UnsafeRawBufferPointer(vector.elements))
    }

    private static func write<Number>(_ array: [Number], to sink: any ByteSink) throws(FileError) {
        var failure: FileError?
        array.withUnsafeBytes { bytes in
            do throws(FileError) { try sink.write(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
