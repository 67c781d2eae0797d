/// Where each named tensor lies in a ``FlatVector``: the published (plain, row-major) layout, in order of declaration.
///
/// Every tensor starts on a 64-byte boundary; the floats between tensors stay zero through every linear operation, so
/// norms, updates and reductions need not know of them.
public struct TensorLayout: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        /// The published name, such as `layer1.0.conv1.weight`.
        public let name: String
        public let shape: [Int]
        /// In floats from the start of the vector.
        public let offset: Int
        /// Product of the shape.
        public let count: Int

        public var range: Range<Int> { offset..<offset + count }
    }

    public private(set) var entries: [Entry] = []
    /// Length of a vector with this layout, padding included.
    public private(set) var vectorCount = 0
    private var indexByName: [String: Int] = [:]

    public init() {}

    /// Number of scalars without padding, as published parameter counts have it.
    public var scalarCount: Int { entries.reduce(0) { $0 + $1.count } }

    /// Appends a tensor; returns its place. A name used twice traps: only a model's definition can cause it.
    @discardableResult
    public mutating func append(_ name: String, shape: [Int]) -> Entry {
        precondition(indexByName[name] == nil, "tensor \(name) declared twice")
        precondition(shape.allSatisfy { $0 > 0 }, "tensor \(name) has shape \(shape)")
        let entry = Entry(name: name, shape: shape, offset: vectorCount, count: shape.reduce(1, *))
        indexByName[name] = entries.count
        entries.append(entry)
        let unit = FlatVector.alignedFloats
        vectorCount += (entry.count + unit - 1) / unit * unit
        return entry
    }

    public subscript(name: String) -> Entry? { indexByName[name].map { entries[$0] } }
}
