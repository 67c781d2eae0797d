import Datasets
import Models
import Optimizers

/// What a run must be for a setting to have an effect.
package struct SettingNeed: Sendable {
    /// The choice that makes it act, as a flag.
    let wanted: @Sendable () -> String
    /// The run's own choice, as a flag; nil where the setting acts.
    let obstacle: @Sendable (RunConfiguration) -> String?

    package init(
        _ wanted: @autoclosure @escaping @Sendable () -> String,
        obstacle: @escaping @Sendable (RunConfiguration) -> String?
    ) {
        self.wanted = wanted
        self.obstacle = obstacle
    }

    /// A model that reads this option.
    package static func model(reading option: ModelOption) -> SettingNeed {
        let names = modelCatalog.entries.filter { $0.reads(option) }.map(\.name)
        return SettingNeed("a --model that has it, such as \(names.last ?? "")") {
            names.contains($0.model) ? nil : "--model \($0.model)"
        }
    }

    /// A model whose layers have an order.
    package static let layerOrder = SettingNeed("a --model whose layers have an order, such as vit") {
        $0.layerOrder == nil ? "--model \($0.model)" : nil
    }

    package static func method(_ methods: GradientRuleEntry...) -> SettingNeed { method { methods.contains($0) } }

    /// A method that reads this number.
    package static func method(reading parameter: Hyperparameter) -> SettingNeed {
        method { $0.hyperparameters.contains(parameter) }
    }

    private static func method(_ isMet: @escaping @Sendable (GradientRuleEntry) -> Bool) -> SettingNeed {
        SettingNeed("--method \(Setting.list(methodCatalog.entries.filter(isMet).map(\.name), "or"))") {
            isMet($0.method) ? nil : "--method \($0.method.name)"
        }
    }

    package static func optimizer(_ optimizers: OptimizerEntry...) -> SettingNeed {
        optimizer { optimizers.contains($0) }
    }

    /// An optimizer that reads this number.
    package static func optimizer(reading parameter: UpdateHyperparameter) -> SettingNeed {
        optimizer { $0.hyperparameters.contains(parameter) }
    }

    private static func optimizer(_ isMet: @escaping @Sendable (OptimizerEntry) -> Bool) -> SettingNeed {
        SettingNeed("--optimizer \(Setting.list(optimizerCatalog.entries.filter(isMet).map(\.name), "or"))") {
            isMet($0.optimizer) ? nil : "--optimizer \($0.optimizer.name)"
        }
    }
}

extension Setting {
    /// Why the setting has no effect in this run, and what would give it one; nil where it has.
    func uselessness(in configuration: RunConfiguration) -> (obstacle: String, wanted: String)? {
        for need in needs {
            if let obstacle = need.obstacle(configuration) { return (obstacle, need.wanted()) }
        }
        return nil
    }

    fileprivate func isDefault(in configuration: RunConfiguration) -> Bool {
        var standard = configuration
        reset(&standard)
        return read(configuration) == read(standard)
    }
}

extension RunConfiguration {
    /// Throws where a flag was given that has no effect in this run: who gives one expects something of it. Settings of
    /// a file, which often serves several runs, are only warned of, and only where they are not the defaults.
    ///
    /// - Parameters:
    ///   - flags: names of the settings that were given as flags.
    ///   - exempt: names of those that the command itself uses.
    package mutating func requireEffect(
        flags: some Collection<String>, exempt: Set<String> = []
    ) throws(ConfigurationError) {
        try requireEffect(ofFlags: Set(flags).subtracting(exempt))
        var idle: [String: [String]] = [:]
        for setting in Setting.all where !exempt.contains(setting.name) {
            guard let useless = setting.uselessness(in: self), setting.read(self) != "false" else { continue }
            if !setting.isDefault(in: self) { idle[useless.obstacle, default: []].append(setting.name) }
        }
        for (obstacle, names) in idle.sorted(by: { $0.key < $1.key }) {
            warnings.append(
                "settings of the configuration file have no effect with \(obstacle): \(names.joined(separator: ", "))")
        }
        if flags.contains("epochs"), steps != nil, flags.contains("steps") {
            warnings.append("--epochs has no effect with --steps, which ends the run after so many updates")
        }
    }

    /// Throws where one of the settings, given as flags, has no effect.
    func requireEffect(ofFlags names: Set<String>) throws(ConfigurationError) {
        for setting in Setting.all where names.contains(setting.name) && setting.read(self) != "false" {
            guard let useless = setting.uselessness(in: self) else { continue }
            throw ConfigurationError(
                "--\(setting.name) has no effect with \(useless.obstacle)",
                remedy: "leave it out, or use \(useless.wanted)")
        }
    }

    /// Warns where the normalization is another data set's: `dataset` was changed in a copy of a run's `config.yaml`.
    /// Who begins with weights may mean theirs.
    mutating func warnOfForeignNormalization() {
        guard initWeights == nil, let normalization, normalization != dataset.normalization,
            let other = datasetCatalog.entries.first(where: { $0 != .synthetic && $0.normalization == normalization })
        else { return }
        warnings.append(
            "the configuration file's normalization is that of \(other.name), not of \(dataset.name): take the "
                + "line out to have \(dataset.name)'s own")
    }
}
