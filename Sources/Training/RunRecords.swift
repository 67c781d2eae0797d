import Collectives

/// Rank 0's files and voice: the run folder, the metrics, the checkpoints, the progress.
final class RunRecords {
    let folder: RunFolder
    /// What the run goes on from; nil for a start from the beginning.
    let checkpoint: Checkpoint?
    private let lock: RunLock
    private let log: MetricsLog
    private let store: CheckpointStore
    private let reporter: ProgressReporter
    private let configuration: RunConfiguration
    private let stepsPerEpoch: Int

    /// - Parameter configuration: resolved.
    init(
        _ configuration: RunConfiguration, _ resources: RunResources, ranks: Int, output: ProgressReporter.Output
    ) throws {
        self.configuration = configuration
        stepsPerEpoch = resources.stepsPerEpoch
        (folder, checkpoint) = try RunFolder.open(configuration, ranks: ranks)
        lock = try RunLock(folder)
        let step = try checkpoint?.step(of: configuration, stepsPerEpoch: resources.stepsPerEpoch) ?? 0
        // Before anything there is cut.
        store = CheckpointStore(folder: folder.checkpoints)
        try store.prepare()
        // The last epoch of a run that --steps ended has a row though it is not complete.
        try folder.cutRecords(
            step: step,
            epoch: step >= resources.totalSteps ? resources.totalEpochs : step / stepsPerEpoch)
        log = try MetricsLog(stepsPath: folder.metrics, epochsPath: folder.epochs, isNew: step == 0)
        reporter = ProgressReporter(
            output: output, firstStep: step, totalSteps: resources.totalSteps, totalEpochs: resources.totalEpochs)
        announce(resources, ranks: ranks, step: step)
    }

    private func announce(_ resources: RunResources, ranks: Int, step: Int) {
        let graph = resources.graph
        reporter.say(
            "\(configuration.model) (\(graph.parameterLayout.scalarCount) parameters) on \(configuration.dataset.rawValue) "
                + "(\(resources.train.count) + \(resources.test.count) images), \(configuration.gradientMethodText)")
        reporter.say(
            "\(ranks) rank\(ranks == 1 ? "" : "s") x \(configuration.threads) thread\(configuration.threads == 1 ? "" : "s"), "
                + "batch \(configuration.batchSize), M \(configuration.effectiveMSharpness), "
                + "\(resources.totalSteps) steps in \(resources.totalEpochs) epoch\(resources.totalEpochs == 1 ? "" : "s")"
        )
        reporter.say("output \(folder.path)" + (step > 0 ? ", resuming after step \(step)" : ""))
        if configuration.resume && step == 0 { reporter.say("no checkpoint there: starting from the beginning") }
    }

    func append(_ metrics: StepMetrics) throws {
        try log.append(metrics)
        reporter.report(metrics)
    }

    func append(_ metrics: EpochMetrics) throws {
        try log.append(metrics)
        reporter.report(metrics)
    }

    /// Puts everything that the run is into a checkpoint on the disk.
    func save(_ state: ModelState, _ progress: RunProgress) throws {
        try log.flush()
        guard state.weights.norm.isFinite, state.statistics.norm.isFinite else {
            throw NonFiniteWeights(step: progress.step, configuration: configuration)
        }
        let (epoch, stepInEpoch) = progress.step.quotientAndRemainder(dividingBy: stepsPerEpoch)
        try store.write(
            CheckpointState(
                step: progress.step, epoch: epoch, position: stepInEpoch * configuration.batchSize,
                seed: configuration.seed, mSharpness: configuration.effectiveMSharpness,
                configurationHash: configuration.configurationHash, model: configuration.model),
            model: state.modelTensors(statisticsUpdates: progress.statisticsUpdates),
            optimizer: state.optimizerTensors() + progress.tensors)
    }

    func finish(_ summary: TrainingSummary) throws {
        try log.flush()
        var line = "done: \(summary.steps) steps in \(ProgressReporter.duration(summary.seconds))"
        if let accuracy = summary.lastEpoch?.testAccuracy {
            line += ", test accuracy \(ProgressReporter.percent(accuracy))"
        }
        reporter.say(line + "; \(folder.path)")
    }
}
