import Datasets

/// Which settings have an effect in which runs.
extension ConfigurationField {
    /// What a run must be for some settings to have an effect. A setting that no row names always has one.
    private struct Condition: Sendable {
        let settings: Set<String>
        /// The choice that makes them act, as a flag.
        let wanted: String
        /// The run's own choice, as a flag; nil where the settings act.
        let obstacle: @Sendable (RunConfiguration) -> String?
    }

    private static let conditions: [Condition] = [
        Condition(settings: ["rho"], wanted: "--method sam or crsam") { $0.method == .plain ? "--method sgd" : nil },
        // Only CR-SAM has a pass at w − ε, whose statistics could move.
        Condition(settings: ["regularizer", "alpha", "beta", "bn-running-stats"], wanted: "--method crsam") {
            $0.method == .crsam ? nil : "--method \($0.method.name)"
        },
        Condition(settings: ["regularizer", "alpha", "beta", "bn-running-stats"], wanted: "a --rho above 0") {
            $0.rho == 0 ? "--rho 0, which is plain training" : nil
        },
        // Without both terms CR-SAM is SAM, which has no pass at w − ε.
        Condition(settings: ["regularizer", "bn-running-stats"], wanted: "an --alpha or --beta above 0") {
            $0.alpha == 0 && $0.beta == 0 ? "--alpha 0 --beta 0, which is SAM" : nil
        },
        Condition(settings: ["momentum", "nesterov"], wanted: "--optimizer sgd") {
            $0.optimizer == .sgd ? nil : "--optimizer \($0.optimizer.rawValue)"
        },
        Condition(settings: ["data"], wanted: "another --dataset") {
            $0.dataset == .synthetic ? "--dataset synthetic" : nil
        },
    ]

    /// Why the setting has no effect in this run, and what would give it one; nil where it has.
    func uselessness(in configuration: RunConfiguration) -> (obstacle: String, wanted: String)? {
        for condition in Self.conditions where condition.settings.contains(name) {
            if let obstacle = condition.obstacle(configuration) { return (obstacle, condition.wanted) }
        }
        return nil
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
        let standard = RunConfiguration()
        var idle: [String: [String]] = [:]
        for field in ConfigurationField.all where !exempt.contains(field.name) {
            guard let useless = field.uselessness(in: self), field.read(self) != "false" else { continue }
            if field.read(self) != field.read(standard) { idle[useless.obstacle, default: []].append(field.name) }
        }
        for (obstacle, names) in idle.sorted(by: { $0.key < $1.key }) {
            warnings.append(
                "settings of the configuration file have no effect with \(obstacle): \(names.joined(separator: ", "))")
        }
        if flags.contains("epochs"), steps != nil, flags.contains("steps") {
            warnings.append("--epochs has no effect with --steps, which ends the run after so many updates")
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

    /// Throws where one of the settings, given as flags, has no effect.
    func requireEffect(ofFlags names: Set<String>) throws(ConfigurationError) {
        for field in ConfigurationField.all where names.contains(field.name) && field.read(self) != "false" {
            guard let useless = field.uselessness(in: self) else { continue }
            throw ConfigurationError(
                "--\(field.name) has no effect with \(useless.obstacle)",
                remedy: "leave it out, or use \(useless.wanted)")
        }
    }
}
