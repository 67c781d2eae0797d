import Files

/// What the records of a folder say of the run that wrote them.
struct RunTraces {
    /// The highest step and epoch in the records; 0 without any.
    let step: Int
    let epoch: Int
    /// Whether there is a text that names a newest checkpoint, be it there or not; and the folder for checkpoints.
    private let hasLatest: Bool
    private let hasCheckpoints: Bool
    /// Steps between the run's checkpoints; nil for an epoch.
    private let checkpointEvery: Int?
    /// Epochs up to the first evaluation, whose checkpoint is the best so far.
    private let evaluateEvery: Int

    /// - Parameter configuration: that of the run.
    init(_ folder: RunFolder, _ configuration: RunConfiguration) throws {
        step = try RecordCut(folder.metrics, .steps, after: .max).highest
        epoch = try RecordCut(folder.epochs, .epochs(further: []), after: .max).highest
        let latest = folder.checkpoints + "/" + CheckpointStore.latestFile
        hasLatest = try FileSystem.isLink(latest) || FileSystem.kind(latest) != .missing
        hasCheckpoints = try FileSystem.kind(folder.checkpoints) == .directory
        checkpointEvery = configuration.checkpointEvery
        evaluateEvery = configuration.evaluateEvery
    }

    /// Whether the run came as far as a checkpoint or an epoch's end: such a run is never overwritten.
    var areResults: Bool { hasLatest || epoch > 0 || step > checkpointEvery ?? .max }

    /// What a run without a checkpoint was.
    enum Past {
        /// Ended before its first checkpoint.
        case early
        /// Ended while its first checkpoint was written, or lost it.
        case unknown
        /// Had checkpoints.
        case lost
    }

    func past(stepsPerEpoch: Int, totalSteps: Int) -> Past {
        let first = min(checkpointEvery ?? stepsPerEpoch, evaluateEvery * stepsPerEpoch, totalSteps)
        let epochs = (totalSteps + stepsPerEpoch - 1) / stepsPerEpoch
        let last = max(step, epoch < epochs ? epoch * stepsPerEpoch : totalSteps)
        // The records of a step are written before its checkpoint.
        if hasLatest || last > first || (last == first && !hasCheckpoints) { return .lost }
        return last == first ? .unknown : .early
    }
}
