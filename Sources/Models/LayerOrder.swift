import Vectors

/// Which layer each parameter belongs to, counted from the image to the logits: for rates that fall with depth.
///
/// As the `group_matcher` of timm's models has it: 0 is the stem, each residual block is a layer, a closing
/// normalization belongs to the last block's, and the head is the last. Names say which it is.
package struct LayerOrder: Sendable {
    /// Of a block's parameters the first parts, `#` for a number: `layer#.#`.
    private let block: [Substring]
    /// Of names behind the blocks that belong to the last block's layer, the first part; nil for none.
    private let closing: String?
    /// Of the head's names, the first parts.
    private let head: Set<String>

    package init(block: String, closing: String? = nil, head: Set<String>) {
        self.block = Substring(block).split(separator: ".")
        self.closing = closing
        self.head = head
    }

    /// The layer of each of the layout's tensors, from 0 to that of the head.
    package func layers(_ layout: TensorLayout) -> [Int] {
        let places = layout.entries.map { place(of: $0.name) }
        let blocks = Set(places.filter { if case .block = $0 { true } else { false } }).sorted()
        return places.map { place in
            switch place {
            case .stem: 0
            case .block: 1 + (blocks.firstIndex(of: place) ?? 0)
            case .closing: blocks.count
            case .head: blocks.count + 1
            }
        }
    }

    /// The factor on each tensor's rate: `decay` to the power of its distance from the head, as timm's
    /// `param_groups_layer_decay` has it. With a decay of 0 the head alone is trained.
    package func rateScales(_ layout: TensorLayout, decay: Double) -> [Double] {
        let layers = layers(layout)
        let powers = (0...(layers.max() ?? 0)).reversed().map { distance in
            (0..<distance).reduce(1.0) { power, _ in power * decay }
        }
        return layers.map { powers[$0] }
    }

    private enum Place: Hashable, Comparable {
        case stem
        /// The numbers in its name, such as stage and index.
        case block(Int, Int)
        case closing, head
    }

    private func place(of parameter: String) -> Place {
        let parts = Substring(parameter).split(separator: ".")
        guard let first = parts.first.map(String.init) else { return .stem }
        if head.contains(first) { return .head }
        if first == closing { return .closing }
        guard parts.count >= block.count else { return .stem }
        var numbers: [Int] = []
        for (part, pattern) in zip(parts, block) {
            if pattern.last == "#", part.hasPrefix(pattern.dropLast()),
                let number = Int(part.dropFirst(pattern.count - 1))
            {
                numbers.append(number)
            } else if part != pattern {
                return .stem
            }
        }
        return .block(numbers.first ?? 0, numbers.count > 1 ? numbers[1] : 0)
    }
}
