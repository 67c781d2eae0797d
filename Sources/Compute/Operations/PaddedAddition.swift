import COneDNN
import Vectors

extension Graph {
    /// a + b where b may have fewer channels than a: to the others nothing is added. He et al.'s shortcut without
    /// parameters ("option A") with its zeros behind, as pyramidal networks have it in every block.
    ///
    /// `[C, H, W]` and `[C', H, W]`, C' at most C, to `[C, H, W]`.
    package func addPadded(_ a: Value, _ b: Value, _ name: String) -> Value {
        let (shape, fewer) = (shape(a), shape(b))
        if shape == fewer { return add(a, b, name) }
        precondition(
            shape.count == 3 && fewer.count == 3 && shape[1...] == fewer[1...] && fewer[0] < shape[0],
            "\(name): cannot add \(fewer), padded with channels of zeros, to \(shape)")
        return append(shape) { PaddedAddition(name: name, a: a, b: b, output: $0, shape: shape, channels: fewer[0]) }
    }
}

/// In the orders that are used here, row-major and in blocks of channels, a sample's first channels are the first part
/// of its memory; the rest of their last block is zeros, as oneDNN has it everywhere.
private struct PaddedAddition: Operation {
    let name: String
    let a: Value
    let b: Value
    let output: Value
    let shape: [Int]
    /// Of `b`.
    let channels: Int

    var inputs: [Value] { [a, b] }

    func operandPrecision(_ builder: PlanBuilder) -> Precision { builder.precision(of: output) }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let (batch, precision) = (builder.batch, builder.precision(of: output))
        let given = try builder.inPrecision(name, builder.activation(a), precision)
        let order = try ChannelOrder(of: given.layout)
        let layout = try order.layout([batch] + shape, precision)
        let whole = try builder.reordered(name, given, to: layout)
        let partLayout = try order.layout([batch, channels] + shape[1...], precision)
        let part = try builder.reordered(
            name, builder.inPrecision(name, builder.activation(b), precision), to: partLayout)
        let destination = builder.allocate(layout)
        let bytes = (whole: layout.byteCount / batch, part: partLayout.byteCount / batch)
        builder.kernel(
            "\(name) forward", kind: "addition", touching: [whole, part, destination], parts: batch
        ) { context, sample in
            let x = context.bytes(whole) + sample * bytes.whole
            let y = context.bytes(destination) + sample * bytes.whole
            Kernels.sum(
                of: x, context.bytes(part) + sample * bytes.part, isBFloat16: precision == .bfloat16,
                count: bytes.part / precision.byteCount, into: y)
            (y + bytes.part).copyMemory(from: x + bytes.part, byteCount: bytes.whole - bytes.part)
        }
        builder.setActivation(output, destination)
        return {
            guard let gradient = try builder.gradient(name, of: output, in: layout) else { return }
            if builder.needsGradient(b) {
                let result = builder.allocate(partLayout)
                let rest = order.unused(channels, pixels: shape[1] * shape[2])
                builder.kernel(
                    "\(name) backward", kind: "addition", touching: [gradient, result], parts: batch
                ) { context, sample in
                    let x = context.bytes(result) + sample * bytes.part
                    x.copyMemory(from: context.bytes(gradient) + sample * bytes.whole, byteCount: bytes.part)
                    for range in rest {
                        let start = x + range.lowerBound * precision.byteCount
                        start.initializeMemory(as: UInt8.self, repeating: 0, count: range.count * precision.byteCount)
                    }
                }
                try builder.contribute(name, to: b, result)
            }
            try builder.contribute(name, to: a, gradient, isShared: true)
        }
    }
}

/// An order of images in memory, samples outermost.
private struct ChannelOrder {
    /// Nil for row-major.
    private let tag: dnnl_format_tag_t?
    /// Channels in a block.
    private let block: Int

    /// That of `layout` where it is in blocks of channels, else row-major.
    init(of layout: DataLayout) throws {
        for (tag, block) in [(dnnl_aBcd8b, 8), (dnnl_aBcd16b, 16), (dnnl_aBcd4b, 4)]
        where try DataLayout.tagged(layout.dimensions, tag, layout.precision) == layout {
            (self.tag, self.block) = (tag, block)
            return
        }
        (tag, block) = (nil, 1)
    }

    func layout(_ dimensions: [Int], _ precision: Precision) throws -> DataLayout {
        try tag.map { try .tagged(dimensions, $0, precision) } ?? .plain(dimensions, precision)
    }

    /// Of a sample's elements those in its last block that are no channel's.
    func unused(_ channels: Int, pixels: Int) -> [Range<Int>] {
        let used = channels % block
        guard used > 0 else { return [] }
        let start = channels / block * block * pixels
        return (0..<pixels).map { start + $0 * block + used..<start + ($0 + 1) * block }
    }
}
