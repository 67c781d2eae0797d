import Files
import Glibc

/// Why an output folder cannot be used.
package enum RunFolderError: Error, Equatable, CustomStringConvertible {
    case resumeWithoutOutput
    case nothingToResume(path: String)
    case notAFolder(path: String)
    case notWritable(path: String, problem: String)
    /// `names` are files that a run would overwrite.
    case foreignFiles(path: String, names: [String])
    case foreignConfiguration(path: String, problem: String)
    /// `remedy`: nil for the usual one.
    case otherConfiguration(path: String, differences: [String], remedy: String?)
    case runExists(path: String)
    case inUse(path: String)
    /// The records in `path` go further than a run does without any checkpoint.
    case checkpointsGone(path: String, step: Int)
    case otherForm(path: String, line: Int)
    case unusableRecords(path: String, problem: String)
    case gone(path: String)
    case replaced(path: String)
    /// `run` is the folder of the run among whose checkpoints `path` lies.
    case amongCheckpoints(path: String, run: String)

    package var description: String {
        switch self {
        case .resumeWithoutOutput: "--resume needs to know which run: add --output DIR"
        case .nothingToResume(let path):
            "there is no run in \(path) whose settings --resume could take: check --output, or give the settings of a "
                + "new run"
        case .notAFolder(let path): "output \(path) is not a folder: choose another --output"
        case .notWritable(let path, let problem):
            "output folder \(path) cannot be written: \(problem); put that right, or choose another --output"
        case .foreignFiles(let path, let names):
            "output folder \(path) has no config.yaml of a run, but holds \(Self.list(names)), which a run would "
                + "overwrite: "
                + "put its config.yaml back, move \(names.count == 1 ? "it" : "them") away, or choose another --output"
        case .foreignConfiguration(let path, let problem):
            "output folder \(path) holds a config.yaml that no run has written (\(problem)): rename it, or choose "
                + "another "
                + "--output"
        case .otherConfiguration(let path, let differences, let remedy):
            "output folder \(path) holds a run with another configuration (\(differences.joined(separator: ", "))): "
                + (remedy ?? "give the same values, or choose another --output")
        case .runExists(let path):
            "output folder \(path) holds a run already: add --resume to continue it, or choose another --output"
        case .inUse(let path):
            "another job is writing into output folder \(path): wait for its end or stop it, or choose another --output"
        case .checkpointsGone(let path, let step):
            "output folder \(path) holds a run up to step \(step), but no checkpoint of it any more, so that --resume "
                + "would "
                + "start from the beginning and overwrite its records: put a checkpoint back, or choose another "
                + "--output"
        case .otherForm(let path, let line):
            "\(path), line \(line), is not in the form in which the run writes, so that nothing can be added safely: "
                + "put it "
                + "back into that form, or move the file away to continue with a new one"
        case .gone(let path):
            "output folder \(path) is no longer there: put it back and continue with --resume from its last "
                + "checkpoint, or "
                + "start a new run"
        case .replaced(let path):
            "output folder \(path) is another run's by now: continue this one from its last checkpoint where it was "
                + "moved to, with that --output and --resume, or start it anew in another folder"
        case .amongCheckpoints(let path, let run):
            "output \(path) lies among the checkpoints of the run \(run): continue that run with --output \(run) "
                + "--resume, or choose another --output"
        case .unusableRecords(let path, let problem):
            "records cannot be added to \(path): \(problem); make it a file that can be read and written, or move it "
                + "away"
        }
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " and \(names.count - 4) more" : "")
    }
}

/// A run's folder: `config.yaml`, `metrics.jsonl`, `epochs.csv` and `checkpoints/`. Rank 0 alone touches it.
package struct RunFolder: Sendable, Equatable {
    package static let checkpointsName = CheckpointStore.folderName

    package let path: String
    package var config: String { path + "/config.yaml" }
    package var metrics: String { path + "/metrics.jsonl" }
    package var epochs: String { path + "/epochs.csv" }
    package var checkpoints: String { path + "/" + Self.checkpointsName }

    package init(_ path: String) { self.path = path }

    /// Whether the file is one that some run has written.
    package static func owns(_ file: String) -> Bool {
        let (folder, name) = (FileSystem.directory(of: file), FileSystem.lastName(of: file))
        let place = FileSystem.lastName(of: folder)
        if CheckpointStore.step(ofFolder: place) != nil { return true }
        if place == checkpointsName { return CheckpointStore.namingFiles.contains(name) }
        let run = RunFolder(folder)
        return [run.config, run.metrics, run.epochs].contains(file)
            && (try? FileSystem.kind(run.checkpoints)) == .directory
    }

    /// The folder whose `config.yaml` this path, or the file that it links to, is; nil where the file has another name.
    init?(holding config: String) {
        let names = [config, FileSystem.resolved(config)]
        guard let path = names.first(where: { FileSystem.lastName(of: $0) == "config.yaml" }) else { return nil }
        self.path = FileSystem.directory(of: path)
    }

    /// Whether `config.yaml` is one that a run has written: no other has the line.
    func holdsOwnConfiguration() throws(FileError) -> Bool {
        let text: String
        do throws(FileError) { text = try InputFile.text(config) } catch {
            // Of another kind, or too long: another tool's.
            if [EINVAL, EFBIG].contains(error.code) { return false }
            throw error
        }
        return text.split(whereSeparator: \.isNewline).contains { $0.hasPrefix("ranks:") }
    }

    /// Whether steps were recorded.
    func isBegun() throws -> Bool {
        try FileSystem.isLink(metrics) || FileSystem.kind(metrics) == .file
            || CheckpointStore(folder: checkpoints).latest() != nil
    }

    /// Makes the folder of a new run, or finds the one to continue, in one call: ``find(_:)`` and
    /// ``RunEntry/enter(ranks:)``.
    ///
    /// - Parameter configuration: resolved.
    /// - Returns: the folder, and the checkpoint to resume from; nil for a start from the beginning.
    package static func open(_ configuration: RunConfiguration, ranks: Int) throws -> (RunFolder, Checkpoint?) {
        let entry = try find(configuration)
        return (try entry.enter(ranks: ranks), entry.checkpoint)
    }

    /// Decides how a run enters its folder, and touches nothing; throws rather than mix two runs.
    ///
    /// - Parameter configuration: resolved.
    static func find(_ configuration: RunConfiguration) throws -> RunEntry {
        guard let output = configuration.output else {
            if configuration.resume { throw RunFolderError.resumeWithoutOutput }
            let stem = "runs/\(configuration.dataset.name)-\(configuration.model)-\(configuration.method.name)"
            try requireWritable(FileSystem.directory(of: stem))
            return RunEntry(configuration, .nextFree(stem: stem))
        }
        let folder = RunFolder(output)
        try requireWritable(output)
        try requireOutsideCheckpoints(output)
        guard try FileSystem.kind(output) == .directory else { return RunEntry(configuration, .new(folder)) }
        return try folder.reopen(configuration)
    }

    /// Throws unless files can be made in a folder, or the folder where the next one above it is.
    private static func requireWritable(_ path: String) throws {
        var place = path
        var status = stat()
        while lstat(place, &status) != 0 {
            guard errno == ENOENT || errno == ENOTDIR else { throw FileError.last("look at", place) }
            let parent = FileSystem.directory(of: place)
            if parent == place { break }
            place = parent
        }
        if stat(place, &status) != 0, errno == ENOENT {
            throw RunFolderError.notWritable(
                path: path, problem: FileError.deadLink(place) ?? "\(place) leads nowhere")
        }
        switch try FileSystem.kind(place) {
        case .directory, .missing: break
        case .file where place == path: throw RunFolderError.notAFolder(path: path)
        case .file:
            throw RunFolderError.notWritable(path: path, problem: "\(place) is a file, not a folder: Not a directory")
        }
        if access(place, W_OK | X_OK) != 0 {
            let problem = String(cString: strerror(errno))
            throw RunFolderError.notWritable(path: path, problem: "\(FileSystem.resolved(place)): \(problem)")
        }
    }

    /// Throws for a run's `checkpoints` and what lies in it, named in place of the run: what is there may be removed.
    private static func requireOutsideCheckpoints(_ path: String) throws {
        let place = FileSystem.realPath(of: path) ?? FileSystem.absolute(path)
        for checkpoints in [place, FileSystem.directory(of: place)]
        where FileSystem.lastName(of: checkpoints) == checkpointsName {
            let run = RunFolder(FileSystem.directory(of: checkpoints))
            if try FileSystem.kind(run.config) == .file, try run.holdsOwnConfiguration() {
                throw RunFolderError.amongCheckpoints(path: path, run: run.path)
            }
        }
    }

    private func reopen(_ configuration: RunConfiguration) throws -> RunEntry {
        let text = try FileSystem.kind(config) == .file ? InputFile.text(config) : ""
        if text.isEmpty {
            let names = try overwritable()
            guard names.isEmpty else { throw RunFolderError.foreignFiles(path: path, names: names) }
            return RunEntry(configuration, .new(self))
        }
        try requireUsableRecords()
        let lock = try RunLock(self)
        var existing = RunConfiguration()
        do throws(ConfigurationError) { try existing.apply(yaml: text, path: config) } catch {
            throw RunFolderError.foreignConfiguration(path: path, problem: error.description)
        }
        let latest = try CheckpointStore(folder: checkpoints).latest()
        let traces = latest == nil ? try RunTraces(self, existing) : nil
        // A start that came to nothing may be corrected.
        if let traces, !traces.areResults, !Self.differences(configuration, existing).isEmpty {
            guard try holdsOwnConfiguration() else {
                throw RunFolderError.foreignConfiguration(path: path, problem: "it has no line 'ranks'")
            }
            return RunEntry(configuration, .instead(self), lock: lock)
        }
        try require(configuration, toContinue: existing)
        if !configuration.resume {
            guard let traces, !traces.areResults, traces.step == 0 else { throw RunFolderError.runExists(path: path) }
            return RunEntry(configuration, .again(self), lock: lock)
        }
        guard let latest else { return RunEntry(configuration, .again(self), lock: lock, traces: traces) }
        return RunEntry(configuration, .onward(self), lock: lock, checkpoint: try Checkpoint(latest))
    }

    private static func differences(
        _ configuration: RunConfiguration, _ existing: RunConfiguration
    ) -> [(field: String, value: String, other: String)] {
        var (configuration, existing) = (configuration, existing)
        configuration.makePathsAbsolute()
        existing.makePathsAbsolute()
        if let own = existing.initWeights, let given = configuration.initWeights, Self.isOf(given, own) {
            configuration.initWeights = own
        }
        // Lines that somebody took out, and for which there may be no flag: the checkpoint knows what they said.
        existing.normalization = existing.normalization ?? configuration.normalization
        existing.mSharpness = existing.mSharpness ?? configuration.mSharpness
        return configuration.differences(from: existing)
    }

    /// Whether a file of weights is in the run or the checkpoint that `path` names, be it by a file that stands for it.
    private static func isOf(_ path: String, _ file: String) -> Bool {
        let stands = ["config.yaml", "metrics.jsonl", "epochs.csv"] + CheckpointStore.standingFiles
        let place = stands.contains(FileSystem.lastName(of: path)) ? FileSystem.directory(of: path) : path
        return file.hasPrefix(place + "/")
    }

    /// What `config.yaml` says of the first weights.
    var recordedWeights: String? {
        var existing = RunConfiguration()
        guard (try? existing.apply(file: config)) != nil else { return nil }
        return existing.initWeights
    }

    /// Whether the run came to anything that other settings would spoil.
    ///
    /// - Parameter existing: its settings.
    func hasResults(_ existing: RunConfiguration) throws -> Bool {
        try CheckpointStore(folder: checkpoints).latest() != nil || RunTraces(self, existing).areResults
    }

    /// Throws where the run's numbers would be others with `configuration` than with the one that is there.
    func require(_ configuration: RunConfiguration, toContinue existing: RunConfiguration) throws {
        let differences = Self.differences(configuration, existing)
        if differences.isEmpty { return }
        var remedy: String?
        if differences.allSatisfy({ $0.field == "epochs" || $0.field == "steps" }),
            let weights = try CheckpointStore(folder: checkpoints).latest()
        {
            remedy =
                "a run's learning rates are planned for its length, so it cannot be made longer; give the same values, "
                + "or "
                + "train on from its weights in a new run with --init-weights \(weights)/\(CheckpointStore.modelFile) "
                + "and another --output"
        }
        if differences.count == 1, let (field, _, stored) = differences.first, field == "m-sharpness" {
            remedy = "M is a rank's share unless it is named: add --m-sharpness \(stored), or choose another --output"
        }
        throw RunFolderError.otherConfiguration(
            path: path,
            differences: differences.map { field, current, stored in
                "\(field) \(stored.isEmpty ? "none" : stored) there, \(current.isEmpty ? "none" : current) now"
            }, remedy: remedy)
    }

    /// Whether the run that is there, if any, is one with the same settings.
    func canContinue(_ configuration: RunConfiguration) throws -> Bool {
        if try FileSystem.kind(config) == .missing { return true }
        var existing = RunConfiguration()
        guard (try? existing.apply(file: config)) != nil else { return false }
        return Self.differences(configuration, existing).isEmpty
    }

    /// Whether `config.yaml` says anything else than it would now: settings that may change, or where the data lie.
    func isOutdated(_ configuration: RunConfiguration, ranks: Int) throws -> Bool {
        var existing = RunConfiguration()
        let content = try existing.apply(file: config)
        var current = configuration
        (current.output, current.resume, current.warnings) = (nil, false, [])
        return existing != current || content.ranks != ranks
    }

    /// What a new run would overwrite or mix with its own; other files in its folder are no reason to refuse.
    private func overwritable() throws -> [String] {
        var names: [String] = []
        for path in [config, metrics, epochs] {
            var status = stat()
            guard lstat(path, &status) == 0 else { continue }
            if status.st_mode & S_IFMT != S_IFREG || status.st_size > 0 { names.append(FileSystem.lastName(of: path)) }
        }
        var status = stat()
        guard lstat(checkpoints, &status) == 0 else { return names }
        guard try FileSystem.kind(checkpoints) == .directory else { return names + [Self.checkpointsName] }
        let store = CheckpointStore(folder: checkpoints)
        let inside =
            try store.stepFolders()
            + Folder.names(in: checkpoints).filter(CheckpointStore.namingFiles.contains)
        return names + inside.map { Self.checkpointsName + "/" + $0 }
    }

    /// Throws unless records can be added to what is there.
    private func requireUsableRecords() throws {
        for path in [metrics, epochs] {
            var status = stat()
            guard lstat(path, &status) == 0 else { continue }
            guard stat(path, &status) == 0 else {
                throw RunFolderError.unusableRecords(path: path, problem: "it is a link that leads nowhere")
            }
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw RunFolderError.unusableRecords(
                    path: path, problem: status.st_mode & S_IFMT == S_IFDIR ? "it is a folder" : "it is no regular file"
                )
            }
            if access(path, R_OK | W_OK) != 0 {
                throw RunFolderError.unusableRecords(path: path, problem: String(cString: strerror(errno)))
            }
        }
        var status = stat()
        if lstat(checkpoints, &status) == 0, try FileSystem.kind(checkpoints) != .directory {
            throw RunFolderError.notWritable(path: path, problem: "\(checkpoints) is not a folder")
        }
        if access(checkpoints, W_OK | X_OK) != 0, errno != ENOENT {
            throw RunFolderError.notWritable(path: path, problem: "\(checkpoints): \(String(cString: strerror(errno)))")
        }
    }

    /// What a start after a checkpoint leaves of the records: no step above `step`, no epoch above `epoch`, no torn
    /// line.
    ///
    /// - Parameter further: names of what the run evaluates beside the weights on the test images.
    func cuts(step: Int, epoch: Int, further: [String]) throws -> [RecordCut] {
        [
            try RecordCut(metrics, .steps, after: step),
            try RecordCut(epochs, .epochs(further: further), after: epoch),
        ]
    }

    /// Cuts the records back to what a checkpoint knows. Nothing is cut where that is not safe in either.
    package func cutRecords(step: Int, epoch: Int, further: [String] = []) throws {
        for cut in try cuts(step: step, epoch: epoch, further: further) { try cut.apply() }
    }
}
