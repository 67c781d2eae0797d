/// Where each named tensor lies in a ``FlatVector``, in order of declaration, and in which order its scalars do.
///
/// Every tensor starts on a 64-byte boundary; the padding stays zero through every linear operation, so norms, updates
/// and reductions need not know of it.
package struct TensorLayout: Sendable, Equatable {
    /// The order of a tensor's scalars. It depends on the tensor alone, never on a batch or a processor.
    package enum Order: Sendable, Equatable {
        /// As published, and as files have it.
        case rowMajor
        /// A convolution's weights `[O, I, h, w]`, both channel counts multiples of ``channelBlock``, as
        /// `[O/16, I/16, h, w, 16 of I, 16 of O]`: what kernels for vectors of 16 floats read and write.
        case blockedChannels
    }

    /// Channels in a block of ``Order/blockedChannels``.
    package static let channelBlock = 16

    package struct Entry: Sendable, Equatable {
        /// The published name, such as `layer1.0.conv1.weight`.
        package let name: String
        package let shape: [Int]
        package let order: Order
        /// In floats from the start of the vector.
        package let offset: Int
        /// Product of the shape.
        package let count: Int

        package var range: Range<Int> { offset..<offset + count }

        /// Whether it is a factor of products, of a linear layer or a convolution: under its published name a `weight`
        /// of two dimensions or more. No bias is, nor a norm's scale, a class token or a table of positions.
        package var isMatrix: Bool { name.hasSuffix("weight") && shape.count > 1 }
    }

    package private(set) var entries: [Entry] = []
    /// Length of a vector with this layout, padding included.
    package private(set) var vectorCount = 0
    private var indexByName: [String: Int] = [:]

    package init() {}

    /// Number of scalars without padding, as published parameter counts have it.
    package var scalarCount: Int { entries.reduce(0) { $0 + $1.count } }

    /// Appends a tensor; returns its place. A name used twice, or a shape that the order does not fit, traps: only a
    /// model's definition can cause it.
    @discardableResult
    package mutating func append(_ name: String, shape: [Int], order: Order = .rowMajor) -> Entry {
        precondition(indexByName[name] == nil, "tensor \(name) declared twice")
        precondition(shape.allSatisfy { $0 > 0 }, "tensor \(name) has shape \(shape)")
        precondition(
            order == .rowMajor || shape.count == 4 && shape[..<2].allSatisfy { $0.isMultiple(of: Self.channelBlock) },
            "tensor \(name) of shape \(shape) has no blocks of channels")
        let entry = Entry(name: name, shape: shape, order: order, offset: vectorCount, count: shape.reduce(1, *))
        indexByName[name] = entries.count
        entries.append(entry)
        let unit = FlatVector.alignedFloats
        vectorCount += (entry.count + unit - 1) / unit * unit
        return entry
    }

    package subscript(name: String) -> Entry? { indexByName[name].map { entries[$0] } }
}

extension TensorLayout.Entry {
    /// The tensor's values in `vector`, row-major: its memory, or a copy where they lie in another order.
    package func values(in vector: FlatVector) -> FlatVector {
        let stored = vector.slice(range)
        guard order == .blockedChannels else { return stored }
        let values = FlatVector(count: count)
        forEachPair { values.pointer[$0] = stored.pointer[$1] }
        return values
    }

    /// Sets the tensor's values in `vector` to what `body` writes, row-major, into the memory that it is given.
    package func setValues<Failure>(
        in vector: FlatVector, _ body: (FlatVector) throws(Failure) -> Void
    ) throws(Failure) {
        let stored = vector.slice(range)
        guard order == .blockedChannels else { return try body(stored) }
        let values = FlatVector(count: count)
        try body(values)
        forEachPair { stored.pointer[$1] = values.pointer[$0] }
    }

    /// Calls `body` with each scalar's index in row-major and in blocked order.
    private func forEachPair(_ body: (_ rowMajor: Int, _ blocked: Int) -> Void) {
        let block = TensorLayout.channelBlock
        let (inputs, window) = (shape[1], shape[2] * shape[3])
        var blocked = 0
        for output in stride(from: 0, to: shape[0], by: block) {
            for input in stride(from: 0, to: inputs, by: block) {
                for position in 0..<window {
                    for i in input..<input + block {
                        for o in output..<output + block {
                            body((o * inputs + i) * window + position, blocked)
                            blocked += 1
                        }
                    }
                }
            }
        }
    }
}
