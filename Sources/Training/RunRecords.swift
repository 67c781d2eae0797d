import Collectives

/// Rank 0's files and voice: the run folder, the metrics, the checkpoints, the progress.
final class RunRecords {
    /// What the run continues from; nil for a start from the beginning.
    var checkpoint: Checkpoint? { entry.checkpoint }
    private let entry: RunEntry
    private let reporter: ProgressReporter
    private let configuration: RunConfiguration
    private let resources: RunResources
    private let ranks: Int
    private let firstStep: Int
    /// Of training and test images; none of synthetic ones.
    private let dataFingerprints: [String]
    private let description: [SafeTensors.Metadata]

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
        output: ProgressReporter.Output
    ) throws {
        self.configuration = configuration
        self.dataFingerprints = configuration.dataset == .synthetic ? [] : dataFingerprints
        description = WeightsDescription.metadata(configuration, resources.train)
        self.resources = resources
        self.ranks = ranks
        entry = try RunFolder.find(configuration)
        try entry.checkpoint?.requireSettings(of: configuration)
        firstStep = try entry.checkpoint?.step(of: configuration, stepsPerEpoch: resources.stepsPerEpoch) ?? 0
        try entry.checkpoint?.requireData(of: configuration, self.dataFingerprints)
        reporter = ProgressReporter(
            output: output, firstStep: firstStep, totalSteps: resources.totalSteps,
            totalEpochs: resources.totalEpochs)
        try entry.check(
            step: firstStep, epoch: firstEpoch, stepsPerEpoch: resources.stepsPerEpoch,
            totalSteps: resources.totalSteps)
        announce()
    }

    /// Epochs with a row at the start; the last one of a run that --steps ended has a row though it is not complete.
    private var firstEpoch: Int {
        firstStep >= resources.totalSteps ? resources.totalEpochs : firstStep / resources.stepsPerEpoch
    }

    private func opened() throws -> Files {
        if let files {
            guard try FileSystem.kind(files.folder.path) == .directory else {
                throw RunFolderError.gone(path: files.folder.path)
            }
            return files
        }
        let folder = try entry.enter(ranks: ranks)
        let store = CheckpointStore(folder: folder.checkpoints)
        try store.prepare()
        try folder.cutRecords(step: firstStep, epoch: firstEpoch)
        let files = Files(
            folder: folder, log: try MetricsLog(stepsPath: folder.metrics, epochsPath: folder.epochs), store: store)
        self.files = files
        if let attempt = entry.attempt { reporter.say("what an earlier attempt recorded is in \(attempt)") }
        if entry.folder == nil { reporter.say("output \(folder.path)") }
        return files
    }

    private func announce() {
        let graph = resources.graph
        reporter.say(
            "\(configuration.model) (\(graph.parameterLayout.scalarCount) parameters) on "
                + "\(configuration.dataset.rawValue) "
                + "(\(resources.train.count) + \(resources.test.count) images), \(configuration.gradientMethodText)")
        reporter.say(
            "\(ranks) rank\(ranks == 1 ? "" : "s") x \(configuration.threads) "
                + "thread\(configuration.threads == 1 ? "" : "s"), "
                + "batch \(configuration.batchSize), M \(configuration.effectiveMSharpness), "
                + "\(resources.totalSteps) step\(resources.totalSteps == 1 ? "" : "s") in "
                + "\(resources.totalEpochs) epoch\(resources.totalEpochs == 1 ? "" : "s")"
        )
        if let folder = entry.folder {
            reporter.say("output \(folder.path)" + (firstStep > 0 ? ", resuming after step \(firstStep)" : ""))
        }
        if configuration.resume && checkpoint == nil {
            reporter.say("no checkpoint there: starting from the beginning")
        }
    }

    func append(_ metrics: StepMetrics) throws {
        try (files ?? opened()).log.append(metrics)
        reporter.report(metrics)
    }

    func append(_ metrics: EpochMetrics) throws {
        try opened().log.append(metrics)
        reporter.report(metrics)
    }

    /// Puts everything that the run is into a checkpoint on the disk.
    func save(_ state: ModelState, _ progress: RunProgress) throws {
        let files = try opened()
        try entry.followLock()
        try files.log.secure()
        guard state.weights.norm.isFinite, state.statistics.norm.isFinite else {
            let isKept = try progress.step >= resources.stepsPerEpoch || files.store.latest() != nil
            throw NonFiniteWeights(step: progress.step, configuration: configuration, isKept: isKept)
        }
        let (epoch, stepInEpoch) = progress.step.quotientAndRemainder(dividingBy: resources.stepsPerEpoch)
        try files.store.write(
            CheckpointState(
                step: progress.step, epoch: epoch, position: stepInEpoch * configuration.batchSize,
                seed: configuration.seed, mSharpness: configuration.effectiveMSharpness,
                configurationHash: configuration.configurationHash, model: configuration.model,
                trainingData: dataFingerprints.first, testData: dataFingerprints.dropFirst().first,
                settings: configuration.checkedSettings),
            model: state.modelTensors(statisticsUpdates: progress.statisticsUpdates),
            optimizer: state.optimizerTensors() + progress.tensors, description: description)
    }

    /// Keeps the records of a run that an error ends.
    func keepRecords() { try? files?.log.flush() }

    func finish(_ summary: TrainingSummary) throws {
        let files = try opened()
        try files.log.secure()
        let seconds = ProgressReporter.duration(summary.seconds)
        var line = "done: \(summary.steps) step\(summary.steps == 1 ? "" : "s") in \(seconds)"
        if let accuracy = summary.lastEpoch?.testAccuracy {
            line += ", test accuracy \(ProgressReporter.percent(accuracy))"
        }
        reporter.say(line + "; \(files.folder.path)")
    }
}
