import CRSAMDist
import Compute
import Testing
import Training

/// Every setting's value as text, empty where it is not set.
func values(_ configuration: RunConfiguration) -> [String: String] {
    Dictionary(uniqueKeysWithValues: Setting.all.map { ($0.name, $0.read(configuration) ?? "") })
}

/// What a command line ends with that asks for help or is wrong; nil for one that would start its work.
func ending(_ arguments: [String], columns: Int = 80) -> (text: String, status: Int32)? {
    do {
        var command = try CRSAMDist.command(for: arguments)
        if let command = command as? any ConfiguredCommand {
            _ = try command.configuration()
        } else {
            // Help is a command too.
            try command.run()
        }
        return nil
    } catch {
        return CRSAMDist.ending(by: error, columns: columns)
    }
}

/// A folder of this package's, whatever the working directory.
func packageFolder(_ path: String) -> String {
    (#filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3) + [path[...]]).joined(separator: "/")
}

/// One entry of a help text's lists.
struct HelpEntry: Sendable {
    let name: String
    /// Whether a value follows; otherwise it is a switch.
    let takesValue: Bool
    let text: String

    /// What the text says is taken without the option.
    var defaultText: String? {
        guard let start = text.range(of: "(default: "), let end = text.range(of: ")", options: .backwards) else {
            return nil
        }
        return String(text[start.upperBound..<end.lowerBound])
    }
}

/// A command by its words, such as `bench step`, and what its help says.
struct Command: Sendable, CustomTestStringConvertible {
    let words: [String]
    /// Options that it cannot do without.
    let needed: [String: String]
    /// Options that are no settings.
    let own: Set<String>
    /// Settings that it takes one value of.
    let fixed: Set<String>
    let help: String
    /// In the help text's order.
    let options: [HelpEntry]

    init(
        words: [String], needed: [String: String] = [:], own: Set<String> = [], fixed: Set<String> = []
    ) {
        self.words = words
        self.needed = needed
        self.own = own
        self.fixed = fixed
        help = ending(words + ["--help"], columns: 10_000)?.text ?? ""
        options = Self.options(in: help)
    }

    static let train = Command(words: ["train"], own: ["config", "preset", "resume"])
    static let evaluate = Command(
        words: ["evaluate"],
        needed: [
            "checkpoint": packageFolder("Tests/Goldens/resnet8.safetensors"), "model": "resnet8",
            "dataset": "synthetic",
        ], own: ["checkpoint", "classes", "ema", "json"])
    static let benchStep = Command(
        words: ["bench", "step"], own: ["steps", "json", "breakdown", "compare-with-peak", "trace"],
        fixed: ["dataset"])
    static let benchPrecision = Command(words: ["bench", "precision"], own: ["at"])
    /// Those that run with settings.
    static let configured = [train, evaluate, benchStep, benchPrecision]

    var testDescription: String { words.joined(separator: " ") }

    private static func options(in help: String) -> [HelpEntry] {
        // What stands behind a long name begins in the line after it.
        var entries: [[Substring]] = []
        for line in help.split(separator: "\n") {
            if line.hasPrefix("      "), !entries.isEmpty {
                entries[entries.count - 1].append(line.drop { $0 == " " })
            } else {
                entries.append([line])
            }
        }
        return entries.map { $0.joined(separator: " ") }.compactMap { entry in
            guard entry.hasPrefix("  --") else { return nil }
            let (name, rest) = divided(entry.dropFirst(4)) { $0.isLetter || $0 == "-" }
            return HelpEntry(name: name, takesValue: rest.hasPrefix(" <"), text: rest)
        }
    }

    /// Names of the subcommands that the help lists.
    var subcommands: [Command] {
        let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(of: "SUBCOMMANDS:") else { return [] }
        return lines[(start + 1)...].prefix { !$0.isEmpty }.map {
            Command(words: words + [Self.divided($0.drop { $0 == " " }) { $0 != " " }.0])
        }
    }

    private static func divided(
        _ text: Substring, _ belongs: (Character) -> Bool
    ) -> (String, String) {
        let name = text.prefix(while: belongs)
        return (String(name), String(text.dropFirst(name.count)))
    }

    /// Options of the help that are settings, except those that this processor does not have.
    var settings: [HelpEntry] {
        options.filter {
            !own.contains($0.name) && !["help", "version"].contains($0.name)
                && ($0.name != "precision" || Precision.bfloat16.support != .none)
        }
    }

    /// What the command runs with when it is given these settings.
    func configuration(_ settings: [String: String], config: String? = nil) throws -> RunConfiguration {
        let switches = Set(options.filter { !$0.takesValue }.map(\.name))
        var arguments = words
        for (name, value) in needed.merging(settings, uniquingKeysWith: { $1 }).sorted(by: { $0.key < $1.key }) {
            if switches.contains(name) {
                arguments.append(value == "true" ? "--\(name)" : "--no-\(name)")
            } else {
                arguments += ["--\(name)", value]
            }
        }
        if let config { arguments += ["--config", config] }
        let command = try #require(try CRSAMDist.command(for: arguments) as? any ConfiguredCommand)
        return try command.configuration()
    }

    /// A use of a setting that the command accepts.
    struct Use {
        /// Other than what the setting has without it.
        let value: String
        /// Other settings without which it would have no effect.
        let companions: [String: String]
        /// All values with the companions alone, and with the setting too.
        let before: [String: String]
        let after: [String: String]
    }

    /// The first value that changes the setting: of every kind that there is, and of the names that a refusal offers.
    func use(of name: String) -> Use? {
        let candidates = ["a/b", "true", "0.25", "3", "a=b"] + offered(name)
        func use(with companions: [String: String]) -> Use? {
            guard let before = try? values(configuration(companions)) else { return nil }
            for value in candidates {
                let given = companions.merging([name: value]) { $1 }
                if let after = try? values(configuration(given)), after[name] != before[name] {
                    return Use(value: value, companions: companions, before: before, after: after)
                }
            }
            return nil
        }
        if let alone = use(with: [:]) { return alone }
        for other in settings where other.name != name {
            for choice in offered(other.name) {
                // Some data sets need a folder as well.
                for companions in [[other.name: choice], ["data": "a/b"].merging([other.name: choice]) { $1 }] {
                    if let found = use(with: companions) { return found }
                }
            }
        }
        return nil
    }

    /// The names that the refusal of a value lists, a number where it asks for one, or a path where any text is one.
    func offered(_ name: String) -> [String] {
        do {
            _ = try configuration([name: "?"])
            // A path.
            return ["a/b"]
        } catch {
            let text = CRSAMDist.ending(by: error, columns: 80).text
            guard let start = text.range(of: "one of ") else {
                if text.contains("whole number from 1") { return ["3"] }
                return text.contains("a number") ? ["0.25"] : []
            }
            return text[start.upperBound...].prefix { $0 != ";" }.split(separator: ", ").map(String.init)
        }
    }
}
