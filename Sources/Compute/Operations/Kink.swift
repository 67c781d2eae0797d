import Vectors

/// A ReLU whose side of the kink is kept, value by value, from the pass in which it was seen: y = max(x, 0) then, and
/// in later passes x where that x was positive and 0 elsewhere. Emitted in probing programs alone.
struct Kink {
    /// First byte in ``Kinks``, a byte a value.
    private let offset: Int
    private let layout: DataLayout

    /// Emits the forward pass. `destination` may be `source`.
    init(_ builder: PlanBuilder, _ label: String, of source: Operand, into destination: Operand) {
        precondition(source.layout.precision == .float32, "\(label): curvature is measured in float32")
        let count = source.layout.byteCount / MemoryLayout<Float>.stride
        let offset = builder.allocateKinks(bytes: count)
        (self.offset, layout) = (offset, source.layout)
        builder.kernel(
            label, kind: "activation forward (kink)", touching: [source, destination], parts: builder.batch
        ) { context, part in
            let values = Self.range(of: part, of: builder.batch, count)
            let (x, y) = (context.floats(source) + values.lowerBound, context.floats(destination) + values.lowerBound)
            let kinks = context.kinks.pointer + offset + values.lowerBound
            if context.keepsKinks {
                Kernels.pass(x, open: kinks, count: values.count, into: y)
            } else {
                Kernels.open(x, count: values.count, into: y, kinks)
            }
        }
    }

    /// Emits ∂loss/∂(argument): the gradient where the kink is open.
    func emitBackward(_ builder: PlanBuilder, _ name: String, _ gradient: Operand, of output: Value) -> Operand {
        let target = builder.target(
            over: (gradient, builder.gradient(of: output)?.isShared ?? true), layout: layout)
        let (offset, batch) = (offset, builder.batch)
        let count = layout.byteCount / MemoryLayout<Float>.stride
        builder.kernel(
            "\(name) backward", kind: "activation backward (kink)", touching: [gradient, target], parts: batch
        ) { context, part in
            let values = Self.range(of: part, of: batch, count)
            Kernels.pass(
                context.floats(gradient) + values.lowerBound, open: context.kinks.pointer + offset + values.lowerBound,
                count: values.count, into: context.floats(target) + values.lowerBound)
        }
        return target
    }

    private static func range(of part: Int, of parts: Int, _ count: Int) -> Range<Int> {
        count * part / parts..<count * (part + 1) / parts
    }
}
