import Collectives
import Compute
import Datasets
import Optimizers
import Vectors

/// What a finished run came to.
public struct TrainingSummary: Sendable {
    public var steps: Int
    public var lastEpoch: EpochMetrics?
    public var seconds: Double
}

/// The training loop: batch → gradients at w, w + ε, w − ε → G → one all-reduce → update.
///
/// Every rank makes one and calls ``run()``; all of them hold the same replica throughout. Rank 0 alone writes files
/// and speaks.
public final class Trainer {
    public enum Purpose: Sendable {
        /// A run with a folder, evaluation and checkpoints.
        case training
        /// The same steps without files or evaluation; synthetic data are a few batches.
        case benchmark
    }

    /// Called on every rank after each step.
    public var onStep: ((StepMetrics) -> Void)?
    /// Called on every rank before each step, with its batch.
    var beforeStep: ((Batch) throws -> Void)?
    /// The one reduction of a step, for counts.
    public let communicator: Communicator

    /// Takes the time of every phase and operation, if set.
    public var profile: Profile? {
        didSet { resources.network.profile = profile }
    }

    private let configuration: RunConfiguration
    private let resources: RunResources
    let state: ModelState
    private let rule: GradientRule
    private let local: BatchObjective
    private let objective: DistributedObjective
    private let reduction: FusedReduction
    private let clipping: GradientClipping?
    private let schedule: LearningRateSchedule
    /// What an update reads and writes: weights and the optimizer's vectors both ways, the gradient once.
    private let updatedBytes: Int
    /// Samples in the largest forward pass on this rank.
    let largestRun: Int
    private let evaluator: Evaluator?
    private let records: RunRecords?
    private var progress = RunProgress()
    /// Of the checkpoint that the run goes on from.
    private var startStep = 0

    /// Prepares a run: agreement on the configuration, data, model, replicas made equal. Every rank must call it.
    ///
    /// - Parameter output: where rank 0 shows progress.
    public init(
        _ requested: RunConfiguration, world: Communicator, purpose: Purpose = .training,
        output: ProgressReporter.Output = .standardOutput
    ) throws {
        communicator = world
        try ConfigurationAgreement.check(requested.agreement, world)
        resources = try RunResources(requested, ranks: world.size, purpose: purpose)
        let fingerprints = try ConfigurationAgreement.check(data: [resources.train, resources.test], world)
        configuration = requested.resolved(
            mSharpness: resources.partition.mSharpness, normalization: resources.train.normalization)
        rule = try GradientRule(
            method: configuration.gradientMethod, parameterCount: resources.graph.parameterLayout.vectorCount)
        var memory = RunMemory(configuration)
        let forecasts = try memory.addTraining(resources, rule, evaluating: purpose == .training, world)
        if purpose == .benchmark { memory.add("the matrix-product peak", MatrixProductPeak.largestBytes) }
        try memory.check(flags: "lower --batch-size, set --micro-batch-size, use more hosts")
        largestRun = memory.largestRun
        // Reached by all before any takes what was counted.
        try HostWarnings.show([HostWarnings.slowKernelsWarning(forecasts.compactMap(\.slowKernels))], world)
        state = ModelState(
            resources.graph,
            optimizer: try configuration.makeOptimizer(parameterCount: resources.graph.parameterLayout.vectorCount))
        updatedBytes = (3 + 2 * state.optimizer.state.count) * state.weights.count * MemoryLayout<Float>.stride
        clipping = try configuration.clipNorm.map { try GradientClipping(maximumNorm: $0) }
        schedule = try configuration.makeSchedule(
            runEpochs: Double(resources.totalSteps) / Double(resources.stepsPerEpoch))
        local = BatchObjective(
            network: resources.network, statistics: state.statistics, microBatchSize: configuration.microBatchSize,
            labelSmoothing: Float(configuration.labelSmoothing),
            movesStatisticsInDescent: configuration.bnRunningStats == .official)
        objective = try DistributedObjective(local, partition: resources.partition, world: world)
        reduction = try FusedReduction(
            gradientCount: state.weights.count, statisticsCount: state.statistics.count,
            bucketBytes: configuration.bucketBytes, communicator: world)
        let limits = RunLimits(configuration, resources)
        try limits.check(bucketCount: reduction.bucketCount, gradientBytes: reduction.byteCount)
        evaluator =
            purpose == .training
            ? Evaluator(
                network: resources.network, dataset: resources.test,
                batchSize: configuration.evaluationBatchSize(ranks: world.size), world: world) : nil
        records =
            purpose == .training && world.rank == 0
            ? try RunRecords(
                configuration, resources, dataFingerprints: fingerprints, ranks: world.size, output: output) : nil
        if try world.broadcast(Int64(readStart() ? 1 : 0)) == 1 {
            try state.broadcast(world)
            try broadcastProgress()
        } else {
            try state.initialize(seed: configuration.seed, world)
        }
        if purpose == .training, world.rank == 0 {
            limits.warnings(weightsNorm: state.weights.norm).forEach(Console.warn)
        }
    }

    var graph: Graph { resources.graph }
    /// Multiply-adds of one sample's forward pass.
    var gradientOperations: Int { resources.graph.gradientOperations }
    /// Forward and backward passes of each sample.
    var gradientEvaluationsPerStep: Int { rule.gradientEvaluationsPerGroup }
    /// Time that went into plans for batch sizes so far.
    var planningSeconds: Double { resources.network.planningSeconds }
    /// Bytes of the one reduction, and the collectives that it takes.
    public var reducedBytesPerStep: Int { reduction.byteCount }
    public var reductionsPerStep: Int { reduction.bucketCount }

    /// Trains to the end. Every rank must call it, once.
    ///
    /// - Throws: ``NonFiniteLoss`` and ``ReplicaDisagreement`` on all ranks, and what data, MPI or files throw on any.
    public func run() throws -> TrainingSummary {
        do { return try train() } catch {
            records?.keepRecords()
            throw error
        }
    }

    private func train() throws -> TrainingSummary {
        let start = ContinuousClock.now
        let loader = try BatchLoader(
            source: AugmentedImages(
                resources.train, augmentation: configuration.augmentation, seed: configuration.seed),
            sampler: resources.sampler, partition: resources.partition, rank: communicator.rank,
            steps: progress.step..<max(progress.step, resources.totalSteps))
        var lastEpoch: EpochMetrics?
        while true {
            let began = ContinuousClock.now
            guard let batch = try profile.measure(.data, loader.next) else { break }
            try beforeStep?(batch)
            let metrics = try step(batch, began: began)
            try records?.append(metrics)
            onStep?(metrics)
            let isLast = progress.step == resources.totalSteps
            if progress.step % resources.stepsPerEpoch == 0 || isLast {
                let isDue = isLast || metrics.epoch % configuration.evaluateEvery == 0
                lastEpoch = try endEpoch(metrics, evaluating: isDue)
            }
            if isLast || isCheckpointDue { try records?.save(state, progress) }
        }
        let summary = TrainingSummary(
            steps: progress.step, lastEpoch: lastEpoch, seconds: (ContinuousClock.now - start).seconds)
        try records?.finish(summary)
        return summary
    }

    /// One update of the weights: one gradient rule, one all-reduce, one optimizer step.
    ///
    /// - Parameter began: when the wait for the batch did.
    private func step(_ batch: Batch, began: ContinuousClock.Instant) throws -> StepMetrics {
        // Of what all ranks should hold in common: replicas that drifted apart in the last update show here.
        let fingerprint = state.fingerprint
        objective.load(batch)
        let terms = try profile.measure(.gradients, bytes: rule.vectorBytesPerGroup * objective.groupCount) {
            try rule.evaluate(objective, at: state.weights, into: reduction.gradient) { start in
                // Buckets of G are sent during the last backward pass.
                guard reduction.bucketCount > 1 else { return }
                try profile.measure(.reduction) { try reduction.start(from: start) }
            }
        }
        let backwardEnd = profile == nil ? 0 : Profile.now

        // Running statistics are averaged like the gradient, each rank's by its part of the batch.
        reduction.statistics.copy(from: state.statistics)
        reduction.statistics.scale(by: Float(Double(batch.count) / Double(batch.batchCount)))
        var scalars = StepScalars(terms)
        try profile.measure(.reduction, bytes: reduction.byteCount) {
            try reduction.reduce(scalars: &scalars, fingerprint: fingerprint)
        }
        if let start = reduction.firstStart {
            profile?.add(.phase(.overlap), "reduction", from: start, to: backwardEnd)
        }
        state.statistics.copy(from: reduction.statistics)

        let norm = clipping?.clip(reduction.gradient) ?? reduction.gradient.norm
        guard scalars.isFinite && norm.isFinite else {
            throw try NonFiniteLoss(
                step: progress.step + 1, scalars, isLocal: !StepScalars(terms).isFinite, of: configuration,
                isKept: evaluator != nil && isKept, communicator)
        }
        let rate = schedule.learningRate(
            step: batch.step, stepsPerEpoch: resources.stepsPerEpoch, totalSteps: resources.totalSteps)
        profile.measure(.update, bytes: updatedBytes) {
            state.optimizer.update(state.weights, gradient: reduction.gradient, learningRate: rate)
        }

        let seconds = (ContinuousClock.now - began).seconds
        progress.add(scalars, terms, seconds: seconds)
        progress.statisticsUpdates = local.statisticsUpdates
        return StepMetrics(
            scalars, terms, progress, radius: configuration.rho, precision: configuration.precision,
            epoch: batch.epoch + 1, learningRate: rate, combinedGradientNorm: norm, seconds: seconds)
    }

    private var isCheckpointDue: Bool {
        progress.step % (configuration.checkpointEvery ?? resources.stepsPerEpoch) == 0
    }

    /// Whether there is a checkpoint or an epoch's row by now.
    private var isKept: Bool {
        startStep > 0 || progress.step >= min(configuration.checkpointEvery ?? .max, resources.stepsPerEpoch)
    }

    private func endEpoch(_ last: StepMetrics, evaluating: Bool) throws -> EpochMetrics {
        var result: EvaluationResult?
        let elapsed = try ContinuousClock().measure {
            if evaluating { result = try evaluator?.run(at: state.weights, statistics: state.statistics) }
        }
        let metrics = EpochMetrics(
            epoch: last.epoch, trainLoss: progress.epochLossSum / progress.epochSamples,
            trainAccuracy: progress.epochCorrect / progress.epochSamples, testLoss: result?.loss,
            testAccuracy: result?.accuracy, learningRate: last.learningRate,
            seconds: progress.epochSeconds + elapsed.seconds)
        progress.beginEpoch()
        try records?.append(metrics)
        return metrics
    }

    /// Rank 0 reads what the run starts from: a checkpoint or given weights, or nothing (false).
    private func readStart() throws -> Bool {
        if let checkpoint = records?.checkpoint {
            try checkpoint.require(model: configuration.model)
            try checkpoint.checkingOwnFiles {
                try state.readModel(checkpoint.model, model: configuration.model)
                if let optimizer = checkpoint.optimizer {
                    progress = try RunProgress(optimizer)
                    try state.readOptimizer(optimizer, stepCount: progress.step, others: RunProgress.tensorNames)
                }
            }
            return true
        }
        guard communicator.rank == 0, let path = configuration.initWeights else { return false }
        let weights: Checkpoint
        do { weights = try Checkpoint(weights: path) } catch CheckpointError.notFound(_, let found) {
            throw CheckpointError.notFound(path: "--init-weights \(path)", found: found)
        }
        try state.readModel(weights.model, model: configuration.model)
        if records != nil, let text = weights.description.normalizationWarning(for: configuration) {
            Console.warn(text)
        }
        return true
    }

    private func broadcastProgress() throws {
        var values = progress.values
        try values.withUnsafeMutableBufferPointer { try communicator.broadcast($0) }
        progress.values = values
        startStep = progress.step
        local.restore(statisticsUpdates: progress.statisticsUpdates)
        // Rank 0's vectors are everybody's by now; an optimizer also counts its updates.
        try state.optimizer.restore(stepCount: progress.step, state: state.optimizer.state)
    }
}
