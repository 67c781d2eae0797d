import Collectives
import Files

/// What `train` or `bench` was given: a YAML file and flags over the defaults, later ones winning; with `--resume` over
/// the settings of the run itself.
package struct GivenSettings: Sendable {
    private let file: (path: String, text: String)?
    /// Below the file.
    private let preset: (path: String, text: String)?
    private let flags: [(name: String, text: String)]
    private let resume: Bool
    /// Settings that the command uses whatever the training does with them.
    private let exempt: Set<String>
    /// Without what only the run to resume knows.
    private var own: RunConfiguration
    /// The run whose own `config.yaml` the file is.
    private let fileRun: RunFolder?

    /// Reads the file and checks every value.
    ///
    /// - Parameters:
    ///   - preset: the path of a preset, over which the file's settings win.
    ///   - exempt: settings that the command uses whatever the training does with them.
    package init(
        file path: String? = nil, preset: String? = nil, flags: [(name: String, text: String)], resume: Bool = false,
        using exempt: Set<String> = []
    ) throws {
        var file: (path: String, text: String)?
        if let path {
            guard let meant = FileSystem.meant(path) else {
                throw ConfigurationError("--config is '\(path)'", remedy: "it must be the path of a YAML file")
            }
            file = (meant, try InputFile.text(meant))
        }
        self.file = file
        self.preset = try preset.map { ($0, try InputFile.text($0)) }
        self.flags = flags
        self.resume = resume
        self.exempt = exempt
        (own, fileRun) = try Self.applied(self.preset, file, flags, to: RunConfiguration())
        if !resume {
            try validate(&own)
            own.warnOfForeignNormalization()
        }
        if resume && own.output == nil && fileRun == nil { throw RunFolderError.resumeWithoutOutput }
    }

    /// What is asked for where there is no run to resume.
    package var configuration: RunConfiguration {
        var configuration = own
        configuration.resume = resume
        return configuration
    }

    /// What all ranks must have been started with before a run is looked for, besides what defines it.
    package var agreement: [(name: String, value: String)] {
        [("resume", resume ? "given" : "")] + own.changeable
    }

    /// What is asked for; with `--resume`, as rank 0 reads the run's `config.yaml`. Every rank must call it.
    package func configuration(_ world: Communicator) throws -> RunConfiguration {
        guard resume else { return configuration }
        try ConfigurationAgreement.check(own.agreement, world)
        var output = own.output
        if output == nil, let fileRun, try world.rank > 0 || fileRun.isBegun() { output = fileRun.path }
        guard let output else { throw RunFolderError.resumeWithoutOutput }
        let folder = RunFolder(output)
        let hasFile = file != nil && fileRun == nil || preset != nil
        let isSpecified = hasFile || !flags.allSatisfy { Self.isNeutral($0.name) }
        var text = ""
        // Without a first step there is nothing yet that a file's other settings could spoil; flags alone change a run.
        if world.rank == 0, try FileSystem.kind(folder.config) == .file,
            try !isSpecified || folder.isBegun() || (!hasFile && folder.holdsOwnConfiguration())
        {
            text = try InputFile.text(folder.config) + "\n"
        }
        if world.rank == 0, text.isEmpty, !isSpecified { throw RunFolderError.nothingToResume(path: output) }
        var configuration = own
        text = try world.broadcast(text)
        if !text.isEmpty { configuration = try continued(folder, text) }
        configuration.output = output
        configuration.resume = true
        try validate(&configuration)
        return configuration
    }

    private func validate(_ configuration: inout RunConfiguration) throws {
        try configuration.validate()
        try configuration.requireEffect(flags: flags.map(\.name), exempt: exempt)
    }

    /// The settings of the run in `folder`, and over them what was given; throws where that would make another run of
    /// it.
    private func continued(_ folder: RunFolder, _ text: String) throws -> RunConfiguration {
        var base = RunConfiguration()
        let content = try base.apply(yaml: text, path: folder.config)
        let given = Set(flags.map(\.name))
        let missing = ["dataset", "model", "method", "optimizer", "learning-rate", "batch-size", "epochs", "seed"]
            .filter { !content.keys.contains($0) && !given.contains($0) }
        guard missing.isEmpty else {
            throw ConfigurationError(
                "\(folder.config) does not say \(missing.joined(separator: ", ")), which defines the run",
                remedy:
                    "add the lines that were there (a checkpoint's \(CheckpointStore.stateFile) has them, too), or "
                    + "give the values as flags")
        }
        // M is a rank's share unless asked for: on another number of ranks it must be asked for by name.
        if let ranks = content.ranks, ranks > 0, base.effectiveMSharpness == max(base.batchSize / ranks, 1) {
            base.mSharpness = nil
        }
        var (configuration, _) = try Self.applied(preset, file, flags, to: base)
        (base.mSharpness, base.normalization) = (configuration.mSharpness, configuration.normalization)
        // An attempt that came to nothing may be corrected.
        if try folder.hasResults(base) { try folder.require(configuration, toContinue: base) }
        configuration.output = folder.path
        return configuration
    }

    private static func isNeutral(_ name: String) -> Bool { Setting.named(name)?.isIdentity == false }

    private static func applied(
        _ preset: (path: String, text: String)?, _ file: (path: String, text: String)?,
        _ flags: [(name: String, text: String)], to base: RunConfiguration
    ) throws -> (RunConfiguration, RunFolder?) {
        var configuration = base
        if let preset { try configuration.apply(yaml: preset.text, path: preset.path) }
        var fileRun: RunFolder?
        var isResolved = false
        if let file {
            let content = try configuration.apply(yaml: file.text, path: file.path)
            isResolved = content.ranks != nil
            fileRun = isResolved ? RunFolder(holding: file.path) : nil
            // The folder that holds it says where the run is, also where it was moved.
            if try fileRun?.isBegun() == true { configuration.output = nil }
        }
        let dataset = configuration.dataset
        for (name, text) in flags { try configuration.apply(flag: name, text) }
        if configuration.dataset != dataset, isResolved {
            // A run fills them in as its own data set has them.
            configuration.normalization = nil
            if !flags.contains(where: { $0.name == "data" }) { configuration.dataDirectory = nil }
        }
        return (configuration, fileRun)
    }
}
