import Collectives
import Files
import TensorFiles

/// Rank 0's files: the run folder, the metrics, the checkpoints.
final class RunRecords: TrainingObserver {
    /// What the run continues from; nil for a start from the beginning.
    var checkpoint: Checkpoint? { entry.checkpoint }
    private let entry: RunEntry
    private let configuration: RunConfiguration
    private let resources: RunResources
    private let ranks: Int
    /// Updates that the checkpoint knows of.
    let firstStep: Int
    /// Gets lines for people about the folder.
    var note: (String) -> Void = { _ in }
    /// Of training and test images; none of synthetic ones.
    private let dataFingerprints: [String]
    private let description: [SafeTensors.Metadata]
    /// Whose checkpoint is kept.
    private let best: BestEvaluation?

    /// The folder's files, from the first step's success on.
    private struct Files {
        let folder: RunFolder
        let log: MetricsLog
        let store: CheckpointStore
    }
    private var files: Files?

    /// Touches nothing yet.
    ///
    /// - Parameter configuration: resolved.
    init(
        _ configuration: RunConfiguration, _ resources: RunResources, dataFingerprints: [String], ranks: Int,
        best: BestEvaluation?
    ) throws {
        self.best = best
        self.configuration = configuration
        self.dataFingerprints = configuration.dataset == .synthetic ? [] : dataFingerprints
        description = WeightsDescription.metadata(configuration, resources.train)
        self.resources = resources
        self.ranks = ranks
        entry = try RunFolder.find(configuration)
        try entry.checkpoint?.requireSettings(of: configuration)
        // Before the step: of other images there are other numbers of steps, too.
        try entry.checkpoint?.requireData(of: configuration, self.dataFingerprints)
        firstStep = try entry.checkpoint?.step(of: configuration, stepsPerEpoch: resources.stepsPerEpoch) ?? 0
        try entry.check(
            step: firstStep, epoch: firstEpoch, stepsPerEpoch: resources.stepsPerEpoch,
            totalSteps: resources.totalSteps)
    }

    /// Epochs with a row at the start; the last one of a run that --steps ended has a row though it is not complete.
    private var firstEpoch: Int {
        firstStep >= resources.totalSteps ? resources.totalEpochs : firstStep / resources.stepsPerEpoch
    }

    private func opened() throws -> Files {
        if let files {
            try entry.requireFolder()
            return files
        }
        let folder = try entry.enter(ranks: ranks)
        let store = CheckpointStore(folder: folder.checkpoints)
        try store.prepare()
        // Of an attempt that came further, or that was killed before it was named.
        try store.keep(best: best?.result?.step)
        let further = configuration.furtherEvaluations
        try folder.cutRecords(step: firstStep, epoch: firstEpoch, further: further)
        let log = try MetricsLog(stepsPath: folder.metrics, epochsPath: folder.epochs, further: further)
        let files = Files(folder: folder, log: log, store: store)
        self.files = files
        if let attempt = entry.attempt { note("what an earlier attempt recorded is in \(attempt)") }
        if entry.folder == nil { note("output \(folder.path)") }
        return files
    }

    /// Nil before a number is taken.
    var folder: RunFolder? { files?.folder ?? entry.folder }

    func stepEnds(_ metrics: StepMetrics) throws { try (files ?? opened()).log.append(metrics) }

    func epochEnds(_ metrics: EpochMetrics) throws { try opened().log.append(metrics) }

    /// Puts everything that the run is into a checkpoint on the disk.
    func checkpointIsDue(_ state: CheckpointContents) throws {
        let (model, progress) = (state.model, state.progress)
        let files = try opened()
        try entry.followLock()
        try files.log.secure()
        guard model.weights.norm.isFinite, model.statistics.norm.isFinite else {
            let isKept = try progress.step >= resources.stepsPerEpoch || files.store.latest() != nil
            throw NonFiniteWeights(step: progress.step, configuration: configuration, isKept: isKept)
        }
        let (epoch, stepInEpoch) = progress.step.quotientAndRemainder(dividingBy: resources.stepsPerEpoch)
        try files.store.write(
            CheckpointState(
                step: progress.step, epoch: epoch, position: stepInEpoch * configuration.batchSize,
                seed: configuration.seed, mSharpness: configuration.effectiveMSharpness,
                model: configuration.model, trainingData: dataFingerprints.first,
                testData: dataFingerprints.dropFirst().first, settings: configuration.checkedSettings),
            model: model.modelTensors(statisticsUpdates: progress.statisticsUpdates),
            optimizer: state.partTensors,
            average: state.average?.model.modelTensors(statisticsUpdates: progress.statisticsUpdates),
            isBest: best?.result?.step == progress.step, description: description)
    }

    func runEnds(_ summary: TrainingSummary) throws { try opened().log.secure() }

    /// Keeps the records of a run that an error ends.
    func runFails() { try? files?.log.flush() }
}
