import Glibc

/// Why an output folder cannot be used.
public enum RunFolderError: Error, Equatable, CustomStringConvertible {
    case resumeWithoutOutput
    case nothingToResume(path: String)
    case notAFolder(path: String)
    case foreignFiles(path: String)
    /// `remedy`: nil for the usual one.
    case otherConfiguration(path: String, differences: [String], remedy: String?)
    case runExists(path: String)
    case inUse(path: String)

    public var description: String {
        switch self {
        case .resumeWithoutOutput: "--resume needs to know which run: add --output DIR"
        case .nothingToResume(let path):
            "there is no run in \(path) whose settings --resume could take: check --output, or give the settings of a new run"
        case .notAFolder(let path): "output \(path) is not a folder: choose another --output"
        case .foreignFiles(let path):
            "output folder \(path) is not empty and has no config.yaml of a run: choose another --output"
        case .otherConfiguration(let path, let differences, let remedy):
            "output folder \(path) holds a run with another configuration (\(differences.joined(separator: ", "))): "
                + (remedy ?? "give the same values, or choose another --output")
        case .runExists(let path):
            "output folder \(path) holds a run already: add --resume to go on with it, or choose another --output"
        case .inUse(let path):
            "another job is writing into output folder \(path): wait for its end or stop it, or choose another --output"
        }
    }
}

/// A run's folder: `config.yaml`, `metrics.jsonl`, `epochs.csv` and `checkpoints/`. Rank 0 alone touches it.
public struct RunFolder: Sendable, Equatable {
    public static let checkpointsName = "checkpoints"

    public let path: String
    public var config: String { path + "/config.yaml" }
    public var metrics: String { path + "/metrics.jsonl" }
    public var epochs: String { path + "/epochs.csv" }
    public var checkpoints: String { path + "/" + Self.checkpointsName }

    public init(_ path: String) { self.path = path }

    /// The folder whose `config.yaml` this path, or the file that it links to, is; nil where the file has another name.
    init?(holding config: String) {
        let names = [config, FileSystem.resolved(config)]
        guard let path = names.first(where: { FileSystem.lastName(of: $0) == "config.yaml" }) else { return nil }
        self.path = FileSystem.directory(of: path)
    }

    /// Whether `config.yaml` is one that a run has written: no other has the line.
    var hasOwnConfiguration: Bool {
        guard let text = try? InputFile.text(config) else { return false }
        return text.split(whereSeparator: \.isNewline).contains { $0.hasPrefix("ranks:") }
    }

    /// Whether steps were recorded.
    func isBegun() throws -> Bool {
        try FileSystem.kind(metrics) == .file || CheckpointStore(folder: checkpoints).latest() != nil
    }

    /// Makes the folder of a new run, or finds the one to go on with; throws rather than mix two runs.
    ///
    /// - Parameter configuration: resolved.
    /// - Returns: the folder, and the checkpoint to resume from; nil for a start from the beginning.
    package static func open(_ configuration: RunConfiguration, ranks: Int) throws -> (RunFolder, Checkpoint?) {
        guard let output = configuration.output else {
            if configuration.resume { throw RunFolderError.resumeWithoutOutput }
            let folder = try nextFree(
                "runs/\(configuration.dataset.rawValue)-\(configuration.model)-\(configuration.method.rawValue)")
            try folder.begin(configuration, ranks: ranks)
            return (folder, nil)
        }
        let folder = RunFolder(output)
        switch try FileSystem.kind(output) {
        case .file: throw RunFolderError.notAFolder(path: output)
        case .missing:
            try FileSystem.makeDirectories(output)
            try folder.begin(configuration, ranks: ranks)
            return (folder, nil)
        case .directory: return (folder, try folder.reopen(configuration, ranks: ranks))
        }
    }

    private static func nextFree(_ stem: String) throws -> RunFolder {
        try FileSystem.makeDirectories(FileSystem.directory(of: stem))
        var number = 1
        while true {
            let digits = String(number)
            let path = "\(stem)-" + String(repeating: "0", count: max(0, 3 - digits.count)) + digits
            if try FileSystem.makeNewDirectory(path) { return RunFolder(path) }
            number += 1
        }
    }

    private func begin(_ configuration: RunConfiguration, ranks: Int) throws {
        try FileSystem.replace(config, with: configuration.yaml(ranks: ranks))
    }

    private func reopen(_ configuration: RunConfiguration, ranks: Int) throws -> Checkpoint? {
        guard try FileSystem.kind(config) == .file else {
            guard try FileSystem.names(in: path).isEmpty else { throw RunFolderError.foreignFiles(path: path) }
            try begin(configuration, ranks: ranks)
            return nil
        }
        var existing = RunConfiguration()
        try existing.apply(yaml: InputFile.text(config), path: config)
        try require(configuration, toContinue: existing)
        let latest = try CheckpointStore(folder: checkpoints).latest()
        if !configuration.resume {
            if try latest != nil || FileSystem.kind(metrics) == .file { throw RunFolderError.runExists(path: path) }
            return nil
        }
        return try latest.map { try Checkpoint($0) }
    }

    /// Throws where the run's numbers would be others with `configuration` than with the one that is there.
    func require(_ configuration: RunConfiguration, toContinue existing: RunConfiguration) throws {
        var (configuration, existing) = (configuration, existing)
        configuration.makePathsAbsolute()
        existing.makePathsAbsolute()
        let differences = configuration.differences(from: existing)
        if differences.isEmpty { return }
        var remedy: String?
        if differences.contains(where: { $0.field == "epochs" || $0.field == "steps" }),
            let weights = try CheckpointStore(folder: checkpoints).latest()
        {
            remedy =
                "a run's learning rates are planned for its length, so it cannot be made longer; give the same values, or "
                + "train on from its weights in a new run with --init-weights \(weights)/\(CheckpointStore.modelFile) "
                + "and another --output"
        }
        throw RunFolderError.otherConfiguration(
            path: path,
            differences: differences.map { field, mine, theirs in
                "\(field) \(theirs.isEmpty ? "none" : theirs) there, \(mine.isEmpty ? "none" : mine) now"
            }, remedy: remedy)
    }

    /// Whether `config.yaml` says anything else than it would now: settings that may change, or where the data lie.
    func isOutdated(_ configuration: RunConfiguration, ranks: Int) throws -> Bool {
        var existing = RunConfiguration()
        let content = try existing.apply(file: config)
        var current = configuration
        (current.output, current.resume, current.warnings) = (nil, false, [])
        return existing != current || content.ranks != ranks
    }

    /// Cuts the records back to what a checkpoint knows: no step above `step`, no epoch above `epoch`, no torn line.
    package func cutRecords(step: Int, epoch: Int) throws {
        if step == 0 {
            try FileSystem.remove(metrics)
            try FileSystem.remove(epochs)
            return
        }
        try Self.cut(metrics) { line in
            guard line.hasPrefix("{\"step\":"), let number = Int(line.dropFirst(8).prefix { $0 != "," }) else {
                return false
            }
            return number <= step
        }
        try Self.cut(epochs) { line in
            if line.hasPrefix("epoch,") { return true }
            guard let number = Int(line.prefix { $0 != "," }) else { return false }
            return number <= epoch
        }
    }

    /// Cuts a file before its first line that is not complete or not to be kept.
    private static func cut(_ path: String, keeping isKept: (Substring) -> Bool) throws {
        guard try FileSystem.kind(path) == .file else { return }
        guard let file = fopen(path, "r") else { throw FileError.last("open", path) }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        var length = 0
        while true {
            let count = getline(&line, &capacity, file)
            guard count > 0, let line else { break }
            let bytes = UnsafeRawBufferPointer(start: line, count: count)
            let text = String(decoding: bytes, as: UTF8.self)
            guard text.hasSuffix("\n"), isKept(text.dropLast()) else { break }
            length += count
        }
        try FileSystem.truncate(path, to: length)
    }
}
