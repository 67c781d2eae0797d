import Catalogs

/// One setting of a run: all that the program knows of it, in one declaration.
///
/// Its flag, the flag's help and the default in it, its key in a YAML file, what ranks and a resumed run must agree on,
/// and every refusal of a value follow from the declaration. `Settings/` holds them, a file for each component; a value
/// lies in a property of ``RunConfiguration``, or under a ``SettingKey``. docs/extending.md shows how one is added.
package struct Setting: CatalogEntry {
    /// A heading in the help of a command.
    package enum Group: String, Sendable, CaseIterable {
        case data = "Data"
        case model = "Model"
        case method = "Method"
        case optimizer = "Optimizer"
        case size = "Size"
        case records = "Records"
    }

    /// Who must have the same value.
    package enum Scope: Sendable {
        /// All ranks, the resumed run and its checkpoints: the run's numbers depend on it.
        case run
        /// All ranks and the resumed run. A checkpoint no longer depends on it.
        case start
        /// All ranks. A resumed run may change it.
        case job
        /// Nobody: a rank has its own.
        case rank
    }

    /// What a value should have been, as in "must be …".
    package struct Expected: Error {
        let text: String
        package init(_ text: String) { self.text = text }
    }

    package typealias Path<Value> = WritableKeyPath<RunConfiguration, Value> & Sendable

    /// The flag without its dashes, and the YAML key.
    package let name: String
    /// What it is, without its choices, its default and the full stop.
    package let summary: String
    /// What it can be, where those are names.
    let choices: (@Sendable () -> [String])?
    package private(set) var group = Group.records
    package private(set) var scope = Scope.run
    /// What other programs call it: named in the refusal of an unknown flag or key.
    package private(set) var aliases: [String] = []
    /// All of them must hold for the setting to have an effect.
    private(set) var needs: [SettingNeed] = []
    /// The default in words, where it is not one value.
    private var defaultWords: (@Sendable () -> String)?
    /// Whether its flag takes no value but is given or negated: `--nesterov`, `--no-nesterov`.
    package internal(set) var isSwitch = false
    /// Whether any text may be its value: the YAML that is written must then say that it is text.
    var isText = false

    /// Whether its flag may be repeated: the values then stand in one text, with commas between them.
    package private(set) var isList = false

    /// As ranks and a resumed run must have it; nil where it is not set.
    private(set) var identify: @Sendable (RunConfiguration) -> String?
    /// As text; nil where it is not set.
    package let read: @Sendable (RunConfiguration) -> String?
    /// From text, which names and numbers may spell in any usual way. Throws what the value should have been.
    let write: @Sendable (inout RunConfiguration, String) throws(Expected) -> Void
    /// Back to the default.
    private(set) var reset: @Sendable (inout RunConfiguration) -> Void

    /// A setting of a kind of its own. ``choice(_:_:_:alternatives:notes:)`` and its like are the usual ones.
    ///
    /// - Parameters:
    ///   - summary: without a full stop.
    ///   - choices: what the help lists after it.
    package init<Value>(
        _ name: String, _ path: Path<Value>, _ summary: String, choices: (@Sendable () -> [String])? = nil,
        read: @escaping @Sendable (Value) -> String?,
        parse: @escaping @Sendable (String) throws(Expected) -> Value
    ) {
        self.name = name
        self.summary = summary
        self.choices = choices
        self.read = { read($0[keyPath: path]) }
        identify = { read($0[keyPath: path]) }
        write = { configuration, text throws(Expected) in configuration[keyPath: path] = try parse(text) }
        reset = { $0[keyPath: path] = RunConfiguration()[keyPath: path] }
    }

    /// Every setting, in the order of the help and of `config.yaml`.
    package static var all: [Setting] { settingCatalog.entries }

    package static func named(_ name: String) -> Setting? { all.first { $0.name == name } }

    /// The setting that other programs call by a short name.
    package static func meant(byShortName name: String) -> String? {
        all.first { SettingText.name(name, among: $0.aliases) != nil }?.name
    }

    /// Whether a resumed run must have the same.
    package var isIdentity: Bool { scope == .run || scope == .start }

    /// What `--help` says of the flag.
    package var help: String {
        let value = read(RunConfiguration()).map { text in
            isSwitch ? (text == "true" ? "yes" : "no") : text.hasSuffix(".0") ? String(text.dropLast(2)) : text
        }
        return help(defaultWords?() ?? value)
    }

    /// The same where a command has another default.
    package func help(_ standard: String?) -> String {
        summary + (choices.map { ": \(Self.list($0(), "or"))" } ?? "") + "."
            + (standard.map { " (default: \($0))" } ?? "")
    }
}

/// What a declaration may add.
extension Setting {
    /// Under which heading of the help.
    package func under(_ group: Group) -> Setting { with { $0.group = group } }

    static func grouped(_ group: Group, _ settings: [Setting]) -> [Setting] {
        settings.map { $0.under(group) }
    }

    package func scope(_ scope: Scope) -> Setting { with { $0.scope = scope } }

    /// Where only a part of its text must be the same.
    func identified(by text: @escaping @Sendable (RunConfiguration) -> String?) -> Setting {
        with { $0.identify = text }
    }

    /// A flag that may be repeated, of text.
    func list() -> Setting { with { ($0.isList, $0.isText) = (true, true) } }

    /// Refuses the flag where one of the needs is not met.
    package func needs(_ needs: SettingNeed...) -> Setting { with { $0.needs = needs } }

    package func alsoCalled(_ aliases: String...) -> Setting { with { $0.aliases = aliases } }

    /// What it is where it is not set.
    package func unset(_ words: String) -> Setting { with { $0.defaultWords = { words } } }

    /// The default of each choice of another setting, as the help prints it.
    ///
    /// - Parameter defaults: made when they are asked for: catalogs may have grown.
    package func unset(
        _ defaults: @autoclosure @escaping @Sendable () -> [(choice: String, value: String)]
    ) -> Setting {
        with { $0.defaultWords = { Self.text(of: defaults()) } }
    }

    /// A default that another setting's choice decides, as the optimizer the learning rate.
    ///
    /// - Parameter given: what was given; nil leaves the default.
    package func byChoice<Value>(
        _ given: Path<Value?>, _ defaults: @autoclosure @escaping @Sendable () -> [(choice: String, value: Value)]
    ) -> Setting {
        var result = unset(defaults().map { ($0.choice, "\($0.value)") })
        result.reset = { $0[keyPath: given] = nil }
        return result
    }

    private func with(_ change: (inout Setting) -> Void) -> Setting {
        var result = self
        change(&result)
        return result
    }

    /// `0.2 for sgd, 0.001 for adamw`.
    private static func text(of defaults: [(choice: String, value: String)]) -> String {
        var groups: [(value: String, choices: [String])] = []
        for (choice, value) in defaults {
            if let index = groups.firstIndex(where: { $0.value == value }) {
                groups[index].choices.append(choice)
            } else {
                groups.append((value, [choice]))
            }
        }
        return groups.map { "\($0.value) for \(list($0.choices, "and"))" }.joined(separator: ", ")
    }

    /// `a, b or c`.
    static func list(_ parts: [String], _ conjunction: String) -> String {
        guard let last = parts.last, parts.count > 1 else { return parts.joined() }
        return "\(parts.dropLast().joined(separator: ", ")) \(conjunction) \(last)"
    }
}

/// The settings of `train`, by the names of their flags.
package let settingCatalog = Catalog<Setting>(
    "setting",
    DataSettings.all + ModelSettings.all + MethodSettings.all + OptimizerSettings.all + ScheduleSettings.all
        + SizeSettings.all + RecordSettings.all)
