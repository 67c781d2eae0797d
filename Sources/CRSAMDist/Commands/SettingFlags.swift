import ArgumentParser
import Training

/// The settings that a command takes as flags.
protocol SettingSelection: Sendable {
    static var flags: [SettingFlag] { get }
}

/// A setting as a flag of a command.
struct SettingFlag: Sendable {
    let setting: Setting
    let help: String

    /// All settings of a group, with their own defaults.
    static func all(of group: Setting.Group, except excluded: Set<String> = []) -> [SettingFlag] {
        Setting.all.filter { $0.group == group && !excluded.contains($0.name) }
            .map { SettingFlag(setting: $0, help: $0.help) }
    }

    /// Those of these names, with the command's defaults.
    static func some(_ defaults: KeyValuePairs<String, String>) -> [SettingFlag] {
        defaults.compactMap { name, standard in
            Setting.named(name).map { SettingFlag(setting: $0, help: $0.help(standard)) }
        }
    }
}

enum DataFlags: SettingSelection { static let flags = SettingFlag.all(of: .data) }
enum ModelFlags: SettingSelection { static let flags = SettingFlag.all(of: .model) }
enum MethodFlags: SettingSelection { static let flags = SettingFlag.all(of: .method) }
enum OptimizerFlags: SettingSelection { static let flags = SettingFlag.all(of: .optimizer) }
enum SizeFlags: SettingSelection { static let flags = SettingFlag.all(of: .size) }
/// Of a command that counts its steps itself.
enum StepSizeFlags: SettingSelection {
    static let flags = SettingFlag.all(of: .size, except: ["epochs", "steps"])
}
enum RecordFlags: SettingSelection { static let flags = SettingFlag.all(of: .records) }

/// Flags that follow from the declarations of settings: no property is written for any of them.
///
/// The parser finds the options of a type in the mirror of an instance, and reads them by a key for each; both are made
/// here from the selection. What a value may be is the setting's to know: here it is text.
struct SettingFlags<Selection: SettingSelection>: ParsableArguments, CustomReflectable {
    /// What was given, in the order of the declarations.
    private(set) var given: [(name: String, text: String)] = []

    init() {}

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        for flag in Selection.flags {
            let key = Key(flag.setting.name)
            let text: String?
            if flag.setting.isSwitch {
                text = try values.decode(Flag<Bool?>.self, forKey: key).wrappedValue.map { "\($0)" }
            } else if flag.setting.isList {
                let texts = try values.decode(Option<[String]>.self, forKey: key).wrappedValue
                text = texts.isEmpty ? nil : texts.joined(separator: ",")
            } else {
                text = try values.decode(Option<String?>.self, forKey: key).wrappedValue
            }
            if let text { given.append((flag.setting.name, text)) }
        }
    }

    var customMirror: Mirror {
        Mirror(
            self,
            children: Selection.flags.map { flag -> Mirror.Child in
                let (name, help) = (NameSpecification.customLong(flag.setting.name), ArgumentHelp(flag.help))
                if flag.setting.isSwitch {
                    return (flag.setting.name, Flag<Bool?>(name: name, inversion: .prefixedNo, help: help))
                }
                if flag.setting.isList {
                    return (flag.setting.name, Option<[String]>(wrappedValue: [], name: name, help: help))
                }
                return (flag.setting.name, Option<String?>(name: name, help: help))
            })
    }

    /// What was given for a setting.
    subscript(name: String) -> String? { given.first { $0.name == name }?.text }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
