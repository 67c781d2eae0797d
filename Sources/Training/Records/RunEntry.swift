import Files
import Glibc

/// How a run enters its folder, in two halves: ``RunFolder/find(_:)`` decides before anything is touched,
/// ``enter(ranks:)`` makes the changes once the first step has succeeded. A start that fails leaves everything as it
/// was.
final class RunEntry {
    enum Way {
        /// Into a folder of its own: the stem with the next free number.
        case nextFree(stem: String)
        /// Into one that is not there yet, or holds nothing of a run.
        case new(RunFolder)
        /// In place of an attempt with other settings that came to nothing.
        case instead(RunFolder)
        /// From the beginning of a run with the same settings.
        case again(RunFolder)
        case onward(RunFolder)
    }

    let checkpoint: Checkpoint?
    private let configuration: RunConfiguration
    private let way: Way
    private let traces: RunTraces?
    private var lock: RunLock?
    private var setsRecordsAside = false
    /// Where an earlier attempt's records are now, if there was one.
    private(set) var attempt: String?

    init(
        _ configuration: RunConfiguration, _ way: Way, lock: RunLock? = nil, checkpoint: Checkpoint? = nil,
        traces: RunTraces? = nil
    ) {
        self.configuration = configuration
        self.way = way
        self.lock = lock
        self.checkpoint = checkpoint
        self.traces = traces
    }

    /// Nil before a number is taken.
    var folder: RunFolder? {
        switch way {
        case .nextFree: nil
        case .new(let folder), .instead(let folder), .again(let folder), .onward(let folder): folder
        }
    }

    /// Throws where continuing is not safe for the records that are there.
    func check(step: Int, epoch: Int, stepsPerEpoch: Int, totalSteps: Int) throws {
        guard let folder else { return }
        switch traces?.past(stepsPerEpoch: stepsPerEpoch, totalSteps: totalSteps) {
        case .lost: throw RunFolderError.checkpointsGone(path: folder.path, step: traces?.step ?? 0)
        case .unknown: setsRecordsAside = true
        case .early, nil: break
        }
        if case .onward = way {
            _ = try folder.cuts(step: step, epoch: epoch, further: configuration.furtherEvaluations)
        }
    }

    /// Makes or takes over the folder; holds its lock from now on, at the latest.
    func enter(ranks: Int) throws -> RunFolder {
        let recorded = recorded
        let text = recorded.yaml(ranks: ranks)
        switch way {
        case .onward(let folder):
            if try lock?.isShared == true || folder.isOutdated(recorded, ranks: ranks) {
                try lock?.replaceConfiguration(with: text)
            }
            return folder
        case .again(let folder):
            if setsRecordsAside { attempt = try folder.setAside() }
            try lock?.replaceConfiguration(with: text)
            return folder
        case .instead(let folder):
            attempt = try folder.setAside()
            try lock?.replaceConfiguration(with: text)
            return folder
        case .new(let folder):
            try begin(folder, text, made: FileSystem.makeDirectories(folder.path))
            return folder
        case .nextFree(let stem):
            let made = try FileSystem.makeDirectories(FileSystem.directory(of: stem))
            let folder = RunFolder(try FileSystem.makeNumberedDirectory(stem))
            try begin(folder, text, made: made + [folder.path])
            return folder
        }
    }

    /// As `config.yaml` gets it. A run whose newest weights are taken may continue: they are named by their own file.
    private var recorded: RunConfiguration {
        var recorded = configuration
        if case .onward(let folder) = way {
            recorded.initWeights = folder.recordedWeights ?? recorded.initWeights
        } else if let path = recorded.initWeights, let weights = try? Checkpoint(weights: path) {
            recorded.initWeights = weights.model.path
        }
        return recorded
    }

    /// Throws where the folder that was entered is no longer this run's.
    func requireFolder() throws { try lock?.requireFolder(of: configuration) }

    /// Keeps the folder's lock if somebody has replaced the file that it is on.
    func followLock() throws { try lock?.followName() }

    /// - Parameter made: folders that were made for this, outermost first.
    private func begin(_ folder: RunFolder, _ text: String, made: [String]) throws {
        do {
            let lock = try RunLock(folder)
            self.lock = lock
            // Another job has been here since.
            guard try lock.isNew else { throw RunFolderError.runExists(path: folder.path) }
            do { try lock.replaceConfiguration(with: text) } catch {
                try? FileSystem.remove(folder.config)
                throw error
            }
        } catch {
            // Only where they are empty.
            for path in made.reversed() { rmdir(path) }
            throw error
        }
    }
}

extension RunFolder {
    /// Moves the records of an attempt that came to nothing into a folder of their own, with a copy of its settings.
    ///
    /// - Returns: that folder.
    func setAside() throws -> String {
        let place = try FileSystem.makeNumberedDirectory(path + "/attempt")
        try FileSystem.replace(place + "/" + FileSystem.lastName(of: config), with: InputFile.text(config))
        for file in [metrics, epochs] where try FileSystem.kind(file) != .missing {
            try FileSystem.rename(file, to: place + "/" + FileSystem.lastName(of: file))
        }
        return place
    }
}
