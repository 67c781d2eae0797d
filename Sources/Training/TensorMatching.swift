import Vectors

/// How the tensors of a file compare with those that a model has: all that do not fit, not only the first.
public struct TensorMatching: Sendable, Equatable {
    public struct Misshapen: Sendable, Equatable {
        public let name: String
        public let found: String
        public let expected: String
    }

    public private(set) var missing: [String] = []
    public private(set) var extra: [String] = []
    public private(set) var misshapen: [Misshapen] = []

    /// Compares with the Float32 tensors of all `layouts` together.
    ///
    /// - Parameter others: names that the file may hold besides, whatever their shape; BatchNorm's counters
    ///   (`num_batches_tracked`) always may.
    public init(_ file: SafeTensorsFile, against layouts: TensorLayout..., others: Set<String> = []) {
        self.init(file, against: layouts.flatMap(\.entries).map { ($0.name, $0.shape) }, others: others)
    }

    public init(_ file: SafeTensorsFile, against expected: [(name: String, shape: [Int])], others: Set<String> = []) {
        for (name, shape) in expected {
            guard let entry = file[name] else {
                if !Self.isOptional(name) { missing.append(name) }
                continue
            }
            if entry.shape != shape || entry.element != .float32 {
                misshapen.append(
                    .init(
                        name: name, found: Self.text(entry.shape, entry.element), expected: Self.text(shape, .float32)))
            }
        }
        let names = Set(expected.map(\.name))
        extra = file.entries.map(\.name).filter {
            !names.contains($0) && !others.contains($0) && !Self.isOptional($0)
        }
    }

    public var isExact: Bool { missing.isEmpty && extra.isEmpty && misshapen.isEmpty }

    /// One line that names every tensor that does not fit, long lists cut short with their count.
    public var summary: String {
        var parts: [String] = []
        func add(_ title: String, _ names: [String]) {
            if !names.isEmpty { parts.append("\(title) " + Self.list(names)) }
        }
        add("missing", missing)
        add("extra", extra)
        add("misshapen", misshapen.map { "\($0.name) \($0.found) instead of \($0.expected)" })
        return parts.isEmpty ? "all tensors fit" : parts.joined(separator: "; ")
    }

    /// PyTorch counts the batches that BatchNorm saw; nothing here depends on it.
    static func isOptional(_ name: String) -> Bool {
        name == "num_batches_tracked" || name.hasSuffix(".num_batches_tracked")
    }

    private static func list(_ names: [String], limit: Int = 8) -> String {
        let shown = names.prefix(limit).joined(separator: ", ")
        return names.count > limit ? "\(shown) and \(names.count - limit) more" : shown
    }

    private static func text(_ shape: [Int], _ element: TensorElement) -> String {
        let sizes = "[" + shape.map(String.init).joined(separator: ", ") + "]"
        return element == .float32 ? sizes : "\(sizes) \(element.rawValue)"
    }
}

extension SafeTensorsFile {
    /// Copies every tensor of `layout` into `vector`; which must have been found to fit by ``TensorMatching``.
    public func read(_ layout: TensorLayout, into vector: FlatVector, prefix: String = "") throws(SafeTensorsError) {
        for entry in layout.entries {
            guard let found = self[prefix + entry.name] else { continue }
            try entry.setValues(in: vector) { values throws(SafeTensorsError) in try read(found, into: values) }
        }
    }
}
