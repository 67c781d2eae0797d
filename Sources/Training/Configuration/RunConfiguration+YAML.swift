import Datasets
import Files
import Yams

extension RunConfiguration {
    /// Keys of `config.yaml` that describe the run but set nothing when the file is read back.
    static let informationalKeys: Set<String> = ["ranks", "peak-learning-rate"]

    /// What a YAML file says.
    package struct FileContent: Sendable {
        /// Keys that have a value.
        package fileprivate(set) var keys: Set<String> = []
        /// Of the run, where the file is a run's `config.yaml`.
        package fileprivate(set) var ranks: Int?
    }

    /// Takes over what a YAML file sets: a mapping whose keys are the flags' names, and `normalization`. A key without
    /// a value (`null`, `~`) has its default.
    ///
    /// - Parameter path: for messages.
    @discardableResult
    package mutating func apply(yaml text: String, path: String) throws(ConfigurationError) -> FileContent {
        var content = FileContent()
        guard let root = try Self.root(of: text, path: path) else { return content }
        guard let mapping = root.mapping else {
            if root.tag == Tag(.null) { return content }
            throw ConfigurationError("\(path) is not a mapping", remedy: "write one 'key: value' a line")
        }
        for (key, value) in mapping {
            guard let name = key.string else {
                throw ConfigurationError("\(path) has a key that is no text", remedy: "write 'key: value'")
            }
            let isUnset = value.tag == Tag(.null)
            if Self.informationalKeys.contains(name) {
                if name == "ranks" { content.ranks = value.scalar.flatMap { SettingText.wholeNumber($0.string) } }
                continue
            }
            if name == "normalization" {
                normalization = isUnset ? nil : try Self.normalization(value, place: "\(path): normalization")
            } else if let setting = Setting.named(name) {
                guard let scalar = value.scalar else {
                    throw ConfigurationError("\(path): \(name) is not a single value", remedy: "write '\(name): value'")
                }
                if isUnset { setting.reset(&self) } else { try set(setting, scalar, place: "\(path): \(name)") }
            } else if name == "<<" {
                throw ConfigurationError(
                    "\(path): merge keys ('<<') are not read", remedy: "write the settings themselves")
            } else {
                throw .unknownKey(name, at: path)
            }
            if !isUnset { content.keys.insert(name) }
        }
        return content
    }

    /// Takes over a YAML file's settings.
    @discardableResult
    package mutating func apply(file path: String) throws -> FileContent {
        try apply(yaml: InputFile.text(path), path: path)
    }

    /// Takes over one flag's value.
    package mutating func apply(flag name: String, _ text: String) throws(ConfigurationError) {
        guard let setting = Setting.named(name) else { throw .unknownKey(name, at: "flags") }
        try set(setting, text, place: "--\(name)")
    }

    private mutating func set(
        _ setting: Setting, _ scalar: Node.Scalar, place: String
    ) throws(ConfigurationError) {
        if !setting.isText { try Self.requireOneMeaning(scalar, place: place) }
        try set(setting, scalar.string, place: place)
    }

    /// Zeros before a number make it octal to YAML 1.1, and change nothing in YAML 1.2.
    private static func requireOneMeaning(_ scalar: Node.Scalar, place: String) throws(ConfigurationError) {
        let digits = scalar.string.drop { "+-".contains($0) }
        guard scalar.style == .plain, digits.count > 1, digits.first == "0",
            digits.allSatisfy({ $0.isWholeNumber || $0 == "_" })
        else { return }
        throw .value(
            scalar.string, at: place, mustBe: "a number without zeros before it, which readers take differently")
    }

    package mutating func set(
        _ setting: Setting, _ text: String, place: String
    ) throws(ConfigurationError) {
        do throws(Setting.Expected) { try setting.write(&self, text) } catch {
            throw .value(text, at: place, mustBe: error.text)
        }
    }

    /// The one document of a file; nil where it is empty.
    private static func root(of text: String, path: String) throws(ConfigurationError) -> Node? {
        // What was no UTF-8 has become U+FFFD.
        if text.unicodeScalars.contains(where: { $0 == "\u{FFFD}" || $0 == "\0" }) {
            throw ConfigurationError("\(path) is not text in UTF-8", remedy: "save it as such")
        }
        let text = text.hasPrefix("\u{FEFF}") ? String(text.unicodeScalars.dropFirst()) : text
        do { return try Yams.compose(yaml: text) } catch {
            guard let error = error as? YamlError else {
                throw ConfigurationError("\(path) is not YAML", remedy: "write one 'key: value' a line")
            }
            throw problem(error, path: path)
        }
    }

    private static func problem(_ error: YamlError, path: String) -> ConfigurationError {
        switch error {
        case .duplicatedKeysInMapping(let keys, _):
            let names = keys.sorted().map { "'\($0)'" }.joined(separator: ", ")
            return ConfigurationError("\(path) has key \(names) twice", remedy: "keep one")
        case .composer(_, let problem, let mark, _) where problem.contains("another document"):
            return ConfigurationError("\(path): a second document begins in line \(mark.line)", remedy: "keep one")
        case .scanner(_, let problem, let mark, _)
        where problem.contains("cannot start any token") || problem.contains("a tab"):
            return ConfigurationError(
                "\(path) is not YAML in line \(mark.line), column \(mark.column): \(problem)",
                remedy: "indent with spaces, not tabs, and quote text that begins with a special character")
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return ConfigurationError(
                "\(path) is not YAML in line \(mark.line), column \(mark.column): \(problem)",
                remedy: "write one 'key: value' a line")
        case .reader(let problem, _, _, _):
            return ConfigurationError("\(path) is not YAML: \(problem)", remedy: "save it as text in UTF-8")
        default: return ConfigurationError("\(path) is not YAML", remedy: "write one 'key: value' a line")
        }
    }

    static func normalization(_ node: Node, place: String) throws(ConfigurationError) -> ChannelNormalization {
        func numbers(_ key: String) throws(ConfigurationError) -> [Double] {
            let scalars = node.mapping?[key]?.sequence?.map(\.scalar) ?? []
            for case let scalar? in scalars { try requireOneMeaning(scalar, place: "\(place): \(key)") }
            let texts = scalars.map { $0?.string ?? "" }
            let values = texts.compactMap(SettingText.number).filter(\.isFinite)
            guard !texts.isEmpty, values.count == texts.count else {
                throw ConfigurationError(
                    "\(place) has no list of numbers '\(key)'",
                    remedy: "write {mean: [0.5], std: [0.25]}, one a channel")
            }
            return values
        }
        let (mean, std) = (try numbers("mean"), try numbers("std"))
        guard mean.count == std.count, std.allSatisfy({ $0 > 0 }) else {
            throw ConfigurationError(
                "\(place) has \(mean.count) means and \(std.count) deviations",
                remedy: "give one of each a channel, deviations above 0")
        }
        if let key = node.mapping?.keys.compactMap(\.string).first(where: { $0 != "mean" && $0 != "std" }) {
            throw ConfigurationError("\(place): unknown key '\(key)'", remedy: "it has mean and std")
        }
        return ChannelNormalization(mean: mean, std: std)
    }

    /// The text of `config.yaml`: every setting that has a value. Read back, it gives the same run. The folder that
    /// holds it is the run's, so it does not name `output`.
    ///
    /// - Parameter ranks: written for information.
    package func yaml(ranks: Int) -> String {
        var pairs = Setting.all.compactMap { setting -> (Node, Node)? in
            guard setting.name != "output", let text = setting.read(self) else { return nil }
            var value = Node(text)
            // A folder may be called `null` or `1`.
            if setting.isText, value.tag != Tag(.str) { value = Node(text, Tag(.str), .doubleQuoted) }
            return (Node(setting.name), value)
        }
        if let normalization { pairs.append((Node("normalization"), Self.node(of: normalization))) }
        if learningRateBatch != nil { pairs.append((Node("peak-learning-rate"), Node("\(peakLearningRate)"))) }
        pairs.append((Node("ranks"), Node("\(ranks)")))
        return Self.text(of: Node(pairs))
    }

    /// In one line, as in `config.yaml`.
    static func text(of normalization: ChannelNormalization) -> String {
        String(text(of: node(of: normalization)).prefix { !$0.isNewline })
    }

    /// Reads what ``text(of:)`` wrote.
    static func normalization(text: String, place: String) throws(ConfigurationError) -> ChannelNormalization {
        try normalization(try root(of: text, path: place) ?? Node(""), place: place)
    }

    private static func node(of normalization: ChannelNormalization) -> Node {
        let lists = [("mean", normalization.mean), ("std", normalization.std)].map { name, values in
            (Node(name), Node(values.map { Node("\($0)") }, .implicit, .flow))
        }
        return Node(lists, .implicit, .flow)
    }

    private static func text(of node: Node) -> String {
        // Only scalars and lists of them: there is nothing that the emitter could refuse.
        (try? Yams.serialize(node: node, width: -1, allowUnicode: true)) ?? ""
    }
}
