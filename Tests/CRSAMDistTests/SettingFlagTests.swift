import CRSAMDist
import Foundation
import Testing
import Training

/// A command and one of its settings.
struct SettingOfCommand: Sendable, CustomTestStringConvertible {
    let command: Command
    let entry: HelpEntry
    var testDescription: String { "\(command.testDescription) --\(entry.name)" }

    static let all = Command.configured.flatMap { command in
        command.settings.map { SettingOfCommand(command: command, entry: $0) }
    }
}

/// Every setting has a flag and a key, every flag and key reaches its setting, and a help text's default is the one
/// that a run gets. Nothing here lists the settings or their values: both are asked of the commands.
@Suite struct SettingFlagTests {
    private static let known = Set(values(RunConfiguration()).keys)

    @Test func `train has a flag for every setting, and every flag is a setting or one of the command's own`() {
        let names = Set(Command.train.options.map(\.name)).subtracting(["help", "version"])
        #expect(names == Self.known.union(Command.train.own))
    }

    @Test(arguments: Command.configured) func `every flag of a command is a setting or one of its own`(
        command: Command
    ) {
        let names = Set(command.options.map(\.name)).subtracting(["help", "version"])
        #expect(names.subtracting(command.own).subtracting(Self.known) == [])
        #expect(command.own.subtracting(names) == [])
        #expect(!command.settings.isEmpty)
    }

    @Test func `everything that a configuration holds is set by a flag, except what has a way of its own`() {
        func contents(_ configuration: RunConfiguration) -> [String: String] {
            Dictionary(
                uniqueKeysWithValues: Mirror(reflecting: configuration).children.map {
                    ($0.label ?? "", String(describing: $0.value))
                })
        }
        let standard = contents(RunConfiguration())
        var changed: Set<String> = []
        for entry in Command.train.settings {
            guard let use = Command.train.use(of: entry.name),
                let before = try? contents(Command.train.configuration(use.companions)),
                let after = try? contents(
                    Command.train.configuration(use.companions.merging([entry.name: use.value]) { $1 }))
            else { continue }
            changed.formUnion(after.filter { $0.value != before[$0.key] }.keys)
        }
        if !Command.train.settings.contains(where: { $0.name == "precision" }) { changed.insert("precision") }
        // A list in a file; a flag that is no setting; what is said at the start; settings of programs that add some.
        #expect(Set(standard.keys).subtracting(changed) == ["normalization", "resume", "warnings", "addedValues"])
    }

    @Test(arguments: SettingOfCommand.all.filter { !$0.command.fixed.contains($0.entry.name) })
    func `a flag reaches its setting, and no other`(flag: SettingOfCommand) throws {
        let name = flag.entry.name
        let use = try #require(flag.command.use(of: name), "no value of --\(name) changes the setting")
        let found = try #require(use.after[name])
        #expect(found == use.value || Double(found) == Double(use.value) && Double(found) != nil)
        // And those whose defaults the chosen one brings along.
        let brought = name == "optimizer" ? ["learning-rate", "weight-decay"] : []
        #expect(differences(use.after, from: use.before).keys.sorted() == ([name] + brought).sorted())
    }

    @Test(arguments: Command.train.settings.map(\.name)) func `a key of a file reaches its setting as the flag does`(
        name: String
    ) throws {
        let use = try #require(Command.train.use(of: name))
        let given = use.companions.merging([name: use.value]) { $1 }
        let file = try SettingsFile(given)
        let found = try values(Command.train.configuration([:], config: file.path))
        #expect(differences(found, from: use.after) == [:])
        if let value = use.before[name], !value.isEmpty {
            let both = try values(Command.train.configuration([name: value], config: file.path))
            #expect(differences(both, from: use.before) == [:], "the file's value wins over the flag's")
        }
    }

    @Test(arguments: SettingOfCommand.all.filter { $0.command.words != Command.evaluate.words })
    func `the default in a help text is the value of a run without the flag`(flag: SettingOfCommand) throws {
        let name = flag.entry.name
        // With what it needs to have an effect.
        let companions = flag.command.use(of: name)?.companions ?? [:]
        let before = try values(flag.command.configuration(companions))
        guard let text = flag.entry.defaultText else {
            #expect(before[name] == "", "the help of --\(name) does not say that its default is \(before[name] ?? "")")
            return
        }
        if text.contains(" for "), before[name] != "" {
            // One for each choice of another setting, as in "0.2 for sgd, 0.001 for adamw".
            let optimizer = try #require(before["optimizer"])
            let chosen = text.split(separator: ", ").first { $0.hasSuffix(" for \(optimizer)") }
            let own = try #require(chosen?.split(separator: " ").first)
            #expect(Double(own) == before[name].flatMap(Double.init), "the help of --\(name)")
            return
        }
        let value = flag.entry.takesValue ? text : text == "yes" ? "true" : text == "no" ? "false" : text
        let after = try? values(flag.command.configuration(companions.merging([name: value]) { $1 }))
        if before[name] == "" {
            // Not set: words, which are no value. Of a path anything is one.
            if (try? values(flag.command.configuration(companions.merging([name: "a/b"]) { $1 }))) == nil {
                #expect(after == nil, "the default in the help of --\(name) is a value, a run has none")
            }
        } else {
            #expect(differences(try #require(after), from: before) == [:])
        }
    }
}

/// The settings in which one differs from the other, with both values.
private func differences(_ one: [String: String], from other: [String: String]) -> [String: String] {
    Dictionary(
        uniqueKeysWithValues: one.filter { $0.value != other[$0.key] }.map {
            ($0.key, "'\($0.value)' instead of '\(other[$0.key] ?? "")'")
        })
}

/// A YAML file of settings, removed when released.
private final class SettingsFile {
    let path = NSTemporaryDirectory() + "crsam-dist-settings-" + UUID().uuidString + ".yaml"

    init(_ settings: [String: String]) throws {
        let text = settings.map { "\($0.key): \($0.value)\n" }.joined()
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
