import Vectors

/// How the tensors of a file compare with those that a model has: all that do not fit, not only the first.
package struct TensorMatching: Sendable, Equatable {
    package struct Misshapen: Sendable, Equatable {
        package let name: String
        package let found: [Int]
        package let expected: [Int]

        /// Whether the sizes are the expected ones in another order.
        package var isTransposed: Bool { found != expected && found.sorted() == expected.sorted() }
    }

    package private(set) var missing: [String] = []
    package private(set) var extra: [String] = []
    package private(set) var misshapen: [Misshapen] = []
    /// Name and dtype of tensors whose values are no floats that can be read.
    package private(set) var unread: [(name: String, dtype: String)] = []
    /// Missing tensors and the extra ones that are likely to be them, of the same shape and a similar name.
    private var renamed: [String: String] = [:]

    /// Compares with the float tensors of all `layouts` together.
    ///
    /// - Parameter others: names that the file may hold besides, whatever their shape; BatchNorm's counters
    ///   (`num_batches_tracked`) always may.
    package init(_ file: SafeTensorsFile, against layouts: TensorLayout..., others: Set<String> = []) {
        self.init(file, against: layouts.flatMap(\.entries).map { ($0.name, $0.shape) }, others: others)
    }

    package init(_ file: SafeTensorsFile, against expected: [(name: String, shape: [Int])], others: Set<String> = []) {
        let names = Set(expected.map(\.name))
        extra = file.entries.map(\.name).filter {
            !names.contains($0) && !others.contains($0) && !Self.isOptional($0)
        }
        for (name, shape) in expected {
            guard let entry = file[name] else {
                if Self.isOptional(name) { continue }
                missing.append(name)
                renamed[name] = Self.nearest(name, shape, file, extra)
                continue
            }
            if entry.shape != shape {
                misshapen.append(.init(name: name, found: entry.shape, expected: shape))
            } else if entry.element?.isFloat != true {
                unread.append((name, entry.dtype))
            }
        }
    }

    package var isExact: Bool { missing.isEmpty && extra.isEmpty && misshapen.isEmpty && unread.isEmpty }

    /// One line that names every tensor that does not fit, long lists cut short with their count.
    package var summary: String {
        var parts: [String] = []
        func add(_ title: String, _ names: [String]) {
            if !names.isEmpty { parts.append("\(title) " + Self.list(names)) }
        }
        add("missing", missing.map { name in name + (renamed[name].map { " (is it \($0)?)" } ?? "") })
        add("extra", extra)
        add("misshapen", misshapen.map { "\($0.name) \($0.found) instead of \($0.expected)" })
        add("of a type that is not read:", unread.map { "\($0.name) \($0.dtype)" })
        return parts.isEmpty ? "all tensors fit" : parts.joined(separator: "; ")
    }

    /// PyTorch counts the batches that BatchNorm saw, and the weights that an average is of; this project depends on
    /// neither.
    package static func isOptional(_ name: String) -> Bool {
        name == "num_batches_tracked" || name.hasSuffix(".num_batches_tracked") || name == "n_averaged"
    }

    /// The extra tensor of this shape whose name is most like `name`, or that alone could be it; nil where none is.
    private static func nearest(_ name: String, _ shape: [Int], _ file: SafeTensorsFile, _ extra: [String]) -> String? {
        // Files of another model altogether: no names are alike, and there are many pairs.
        guard extra.count <= 64 else { return nil }
        let candidates = extra.filter { file[$0]?.shape == shape && lastPart($0) == lastPart(name) }
        if candidates.count == 1 { return candidates[0] }
        let distances = extra.filter { file[$0]?.shape == shape }.map {
            (name: $0, distance: $0.editDistance(to: name))
        }
        return distances.filter { $0.distance <= max(3, name.count / 3) }.min { $0.distance < $1.distance }?.name
    }

    private static func lastPart(_ name: String) -> Substring? { name.split(separator: ".").last }

    private static func list(_ names: [String], limit: Int = 8) -> String {
        let shown = names.prefix(limit).joined(separator: ", ")
        return names.count > limit ? "\(shown) and \(names.count - limit) more" : shown
    }

    package static func == (a: Self, b: Self) -> Bool { a.summary == b.summary }
}

extension SafeTensorsFile {
    /// Copies every tensor of `layout` into `vector`. ``TensorMatching`` must have shown that they fit.
    ///
    /// - Parameter left: names of tensors that stay as they are in `vector`.
    package func read(
        _ layout: TensorLayout, into vector: FlatVector, prefix: String = "", except left: Set<String> = []
    ) throws(SafeTensorsError) {
        for entry in layout.entries where !left.contains(entry.name) {
            guard let stored = self[prefix + entry.name] else { continue }
            try entry.setValues(in: vector) { values throws(SafeTensorsError) in try read(stored, into: values) }
        }
    }
}
