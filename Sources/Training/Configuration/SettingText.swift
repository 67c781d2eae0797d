/// How the text of a setting is understood, whether a flag, a YAML file or a checkpoint holds it.
package enum SettingText {
    /// The name in the catalog that `text` spells, whatever its case and however its parts are joined (`ResNet-18`,
    /// `wrn_28_10`).
    ///
    /// - Parameter alternatives: other usual words for a name.
    package static func name(_ text: String, among names: [String], alternatives: [String: String] = [:]) -> String? {
        let plain = folded(text)
        if let name = names.first(where: { folded($0) == plain }) { return name }
        return alternatives.first { folded($0.key) == plain }?.value
    }

    /// What the value must be, as the end of "must be …".
    package static func choice(_ text: String, among names: [String]) -> String {
        let list = "one of \(names.joined(separator: ", "))"
        return nearest(text, among: names).map { "\(list); did you mean '\($0)'?" } ?? list
    }

    /// The name of which `text` looks like a slip of the fingers, or the beginning.
    package static func nearest(_ text: String, among names: [String]) -> String? {
        let plain = folded(text)
        if plain.count > 1, let longer = names.first(where: { folded($0).hasPrefix(plain) }) { return longer }
        let distances = names.map { (name: $0, distance: folded($0).editDistance(to: plain)) }
        return distances.min { $0.distance < $1.distance }
            .flatMap { $0.distance <= max(1, min(3, plain.count / 3)) ? $0.name : nil }
    }

    private static func folded(_ text: String) -> String {
        text.lowercased().filter { !$0.isWhitespace && !"-_/.".contains($0) }
    }

    package static func flag(_ text: String) -> Bool? {
        switch trimmed(text).lowercased() {
        case "true", "yes", "on": true
        case "false", "no", "off": false
        default: nil
        }
    }

    /// -0 becomes 0: it is the same setting.
    package static func number(_ text: String) -> Double? { digits(text).flatMap(Double.init).map { $0 + 0 } }

    /// A number without a fraction; `1e5` and `90.0`, which some tools write, are such.
    package static func wholeNumber<Number: FixedWidthInteger>(_ text: String) -> Number? {
        guard let plain = digits(text) else { return nil }
        if let value = Number(plain) { return value }
        // Beyond, neighbouring whole numbers are one Double.
        guard let value = Double(plain), abs(value) <= 0x1p53 else { return nil }
        return Number(exactly: value)
    }

    /// Without the space around it, and without YAML's underscores between digits; nil where one stands elsewhere.
    private static func digits(_ text: String) -> String? {
        let text = Array(trimmed(text))
        for (index, character) in text.enumerated() where character == "_" {
            guard index > 0, index + 1 < text.count, text[index - 1].isHexDigit, text[index + 1].isHexDigit else {
                return nil
            }
        }
        return String(text.filter { $0 != "_" })
    }

    private static func trimmed(_ text: String) -> Substring {
        var text = text[...]
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return text
    }
}
