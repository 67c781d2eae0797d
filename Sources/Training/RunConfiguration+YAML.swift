import Datasets
import Yams

extension RunConfiguration {
    /// Keys of `config.yaml` that tell of the run but set nothing when the file is read back.
    static let informationalKeys: Set<String> = ["ranks"]

    /// Takes over what a YAML file sets: a mapping whose keys are the flags' names, and `normalization`.
    ///
    /// - Parameter path: for messages.
    public mutating func apply(yaml text: String, path: String) throws(ConfigurationError) {
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch {
            let problem = "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
            throw ConfigurationError("\(path) is not YAML", remedy: problem)
        }
        guard let root else { return }
        guard let mapping = root.mapping else {
            if root.scalar?.string.isEmpty == true { return }
            throw ConfigurationError("\(path) is not a mapping", remedy: "write one 'key: value' a line")
        }
        for (key, value) in mapping {
            guard let name = key.string else {
                throw ConfigurationError("\(path) has a key that is no text", remedy: "write 'key: value'")
            }
            if Self.informationalKeys.contains(name) { continue }
            if name == "normalization" {
                normalization = try Self.normalization(value, place: "\(path): normalization")
            } else if let field = ConfigurationField.named(name) {
                guard let scalar = value.scalar else {
                    throw ConfigurationError("\(path): \(name) is not a single value", remedy: "write '\(name): value'")
                }
                try set(field, scalar.string, place: "\(path): \(name)")
            } else {
                throw .unknownKey(name, at: path)
            }
        }
    }

    /// Takes over a YAML file's settings.
    public mutating func apply(file path: String) throws {
        try apply(yaml: InputFile.text(path), path: path)
    }

    /// Takes over one flag's value.
    public mutating func apply(flag name: String, _ text: String) throws(ConfigurationError) {
        guard let field = ConfigurationField.named(name) else { throw .unknownKey(name, at: "flags") }
        try set(field, text, place: "--\(name)")
    }

    private mutating func set(_ field: ConfigurationField, _ text: String, place: String) throws(ConfigurationError) {
        do throws(ConfigurationField.Expected) { try field.write(&self, text) } catch {
            throw .value(text, at: place, mustBe: error.text)
        }
    }

    private static func normalization(_ node: Node, place: String) throws(ConfigurationError) -> ChannelNormalization {
        func numbers(_ key: String) throws(ConfigurationError) -> [Double] {
            let texts = node.mapping?[key]?.sequence?.map { $0.scalar?.string ?? "" } ?? []
            let values = texts.compactMap(Double.init).filter(\.isFinite)
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

    /// The text of `config.yaml`: every field that is set. Read back, it gives the same run.
    ///
    /// - Parameter ranks: written for information.
    public func yaml(ranks: Int) -> String {
        var pairs = ConfigurationField.all.compactMap { field in
            field.read(self).map { (Node(field.name), Node($0)) }
        }
        if let normalization {
            let lists = [("mean", normalization.mean), ("std", normalization.std)].map { name, values in
                (Node(name), Node(values.map { Node("\($0)") }, .implicit, .flow))
            }
            pairs.append((Node("normalization"), Node(lists, .implicit, .flow)))
        }
        pairs.append((Node("ranks"), Node("\(ranks)")))
        // Only scalars and lists of them: there is nothing that the emitter could refuse.
        return (try? Yams.serialize(node: Node(pairs), allowUnicode: true)) ?? ""
    }
}
