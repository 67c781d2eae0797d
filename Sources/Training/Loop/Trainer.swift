import Collectives
import Compute
import Datasets
import Files
import Objectives
import Optimizers
import Vectors

/// The training loop: batch → gradients at w, w + ε, w − ε → G → one all-reduce → update.
///
/// Every rank makes one and calls ``run()``; all of them hold the same replica throughout. Whatever is written, printed
/// or measured during training is an observer's.
package final class Trainer {
    /// Called in this order; see ``TrainingObserver``.
    package let observers: [any TrainingObserver]
    /// The one reduction of a step, for counts.
    package let communicator: Communicator

    /// Takes the time of every phase and operation, if set.
    package var profile: Profile? {
        didSet {
            resources.network.profile = profile
            reduction.profile = profile
        }
    }

    private let configuration: RunConfiguration
    private let resources: RunResources
    package let state: ModelState
    private let optimizer: any Optimizer
    private let rule: any GradientRule
    private let local: BatchObjective
    private let objective: DistributedObjective
    private let reduction: FusedReduction
    private let clipping: GradientClipping?
    private let schedule: LearningRateSchedule
    private let evaluations: TestEvaluations?
    private let best: BestEvaluation?
    private let records: RunRecords?
    /// What an update reads and writes: weights and the optimizer's vectors both ways, the gradient once.
    private let updatedBytes: Int
    /// Samples in the largest forward pass on this rank.
    package let largestRun: Int
    private let runState: CheckpointContents
    private var meter: StepMeter
    /// Of the checkpoint that the run continues from.
    private let startStep: Int

    /// Prepares a run: agreement on the configuration, data, model, replicas made equal. Every rank must call it.
    ///
    /// - Parameter observers: this rank's, beside rank 0's records.
    package init(
        _ requested: RunConfiguration, world: Communicator, purpose: RunPurpose = .training,
        observers: [any TrainingObserver] = []
    ) throws {
        let parts = try TrainingParts(requested, world: world, purpose: purpose)
        communicator = world
        configuration = parts.configuration
        resources = parts.resources
        state = parts.state
        optimizer = parts.optimizer
        rule = parts.rule
        local = parts.local
        objective = parts.objective
        reduction = parts.reduction
        meter = parts.meter
        clipping = parts.clipping
        schedule = parts.schedule
        evaluations = parts.evaluations
        best = parts.best
        records = parts.records
        largestRun = parts.largestRun
        updatedBytes = (3 + 2 * optimizer.state.count) * state.weights.count * MemoryLayout<Float>.stride
        let own: [(any TrainingObserver)?] = [records, parts.average, best]
        let all = own.compactMap(\.self) + observers
        self.observers = all
        // Not to the records themselves, which would keep themselves alive, and the folder locked.
        records?.note = { line in for observer in observers { observer.runNotes(line) } }
        for observer in all { try observer.runBegins(parts.description) }
        let progress = RunProgress()
        runState = CheckpointContents(
            state, OptimizerState(optimizer, resources.graph.parameterLayout, progress), progress,
            average: parts.average, others: all.compactMap { $0 as? any Checkpointed })
        try parts.start(runState)
        startStep = progress.step
        if purpose == .training, world.rank == 0 { parts.warnOfLimits() }
    }

    private var progress: RunProgress { runState.progress }
    package var graph: Graph { resources.graph }
    /// Multiply-adds of one sample's forward pass.
    package var gradientOperations: Int { resources.graph.gradientOperations }
    /// Forward and backward passes of each sample.
    package var gradientEvaluationsPerStep: Int { rule.gradientEvaluationsPerGroup }
    /// Time that went into plans for batch sizes so far.
    package var planningSeconds: Double { resources.network.planningSeconds }
    /// Bytes of the one reduction, and the collectives that it takes.
    package var reducedBytesPerStep: Int { reduction.byteCount }
    package var reductionsPerStep: Int { reduction.bucketCount }

    /// Trains to the end. Every rank must call it, once.
    ///
    /// - Throws: ``NonFiniteLoss`` and ``ReplicaDisagreement`` on all ranks, and what data, MPI or files throw on any.
    package func run() throws -> TrainingSummary {
        do { return try train() } catch {
            for observer in observers { observer.runFails() }
            throw error
        }
    }

    private func train() throws -> TrainingSummary {
        let start = ContinuousClock.now
        let loader = try BatchLoader(
            source: resources.train.samples(resources.augmentation, seed: configuration.seed),
            sampler: resources.sampler, partition: resources.partition, rank: communicator.rank,
            steps: progress.step..<max(progress.step, resources.totalSteps), mixing: configuration.mixing,
            threads: configuration.dataThreads)
        var lastEpoch: EpochMetrics?
        while true {
            let began = ContinuousClock.now
            guard let batch = try profile.measure(.data, loader.next) else { break }
            let waited = (ContinuousClock.now - began).seconds
            for observer in observers { try observer.stepBegins(batch) }
            let metrics = try step(batch, began: began, waited: waited)
            for observer in observers { try observer.stepEnds(metrics) }
            let isLast = progress.step == resources.totalSteps
            if progress.step % resources.stepsPerEpoch == 0 || isLast {
                let isDue = isLast || metrics.epoch % configuration.evaluateEvery == 0
                lastEpoch = try endEpoch(metrics, evaluating: isDue)
            }
            if isLast || isCheckpointDue || best?.result?.step == progress.step {
                for observer in observers { try observer.checkpointIsDue(runState) }
            }
        }
        let summary = TrainingSummary(
            steps: progress.step, lastEpoch: lastEpoch, seconds: (ContinuousClock.now - start).seconds,
            folder: records?.folder?.path, best: best?.result)
        for observer in observers { try observer.runEnds(summary) }
        return summary
    }

    /// One update of the weights: one gradient rule, one all-reduce, one optimizer step.
    ///
    /// - Parameters:
    ///   - began: when the wait for the batch did.
    ///   - waited: how long that was, in seconds.
    private func step(_ batch: Batch, began: ContinuousClock.Instant, waited: Double) throws -> StepMetrics {
        // Of what all ranks should hold in common: replicas that drifted apart in the last update show here.
        let fingerprint = state.fingerprint
        objective.load(batch)
        let rate = schedule.learningRate(
            step: batch.step, stepsPerEpoch: resources.stepsPerEpoch, totalSteps: resources.totalSteps)
        let radius = configuration.radius(at: rate)
        rule.setPerturbationRadius(radius)
        let terms = try profile.measure(.gradients, bytes: rule.vectorBytesPerGroup * objective.groupCount) {
            // Buckets of G are sent during the last backward pass.
            try rule.evaluate(objective, at: state.weights, into: reduction)
        }

        // Running statistics are averaged like the gradient, each rank's by its part of the batch.
        reduction.statistics.copy(from: state.statistics)
        reduction.statistics.scale(by: Float(Double(batch.count) / Double(batch.batchCount)))
        var scalars = StepScalars(terms)
        meter.measure(
            StepShare(terms: terms, weight: Double(batch.count) / Double(batch.batchCount), state: state))
        try reduction.reduce(scalars: &scalars, sums: &meter.sums, fingerprint: fingerprint)
        state.statistics.copy(from: reduction.statistics)

        let norm = clipping?.clip(reduction.gradient) ?? reduction.gradient.norm
        guard scalars.isFinite && norm.isFinite else {
            throw try NonFiniteLoss(
                step: progress.step + 1, scalars, isLocal: !StepScalars(terms).isFinite, of: configuration,
                isKept: evaluations != nil && isKept, communicator)
        }
        profile.measure(.update, bytes: updatedBytes) {
            optimizer.update(state.weights, gradient: reduction.gradient, learningRate: rate)
        }

        let seconds = (ContinuousClock.now - began).seconds
        progress.add(scalars, terms, seconds: seconds)
        progress.statisticsUpdates = local.statisticsUpdates
        let outcome = StepOutcome(
            terms: terms, scalars: scalars,
            differences: terms.curvature == nil
                ? nil
                : LossDifferences(BatchLosses(scalars), radius: radius, precision: configuration.precision),
            progress: progress, learningRate: rate, combinedGradientNorm: norm, seconds: seconds,
            dataSeconds: waited, state: state, gradient: reduction.gradient)
        return meter.metrics(outcome, epoch: batch.epoch + 1)
    }

    private var isCheckpointDue: Bool {
        progress.step % (configuration.checkpointEvery ?? resources.stepsPerEpoch) == 0
    }

    /// Whether there is a checkpoint or an epoch's row by now.
    private var isKept: Bool {
        startStep > 0 || progress.step >= min(configuration.checkpointEvery ?? .max, resources.stepsPerEpoch)
    }

    private func endEpoch(_ last: StepMetrics, evaluating: Bool) throws -> EpochMetrics {
        var results: (main: EvaluationResult?, further: [FurtherEvaluation])?
        let elapsed = try ContinuousClock().measure { if evaluating { results = try evaluations?.run() } }
        let metrics = EpochMetrics(
            epoch: last.epoch, trainLoss: progress.epochLossSum / progress.epochSamples,
            trainAccuracy: progress.epochCorrect / progress.epochSamples, testLoss: results?.main?.loss,
            testAccuracy: results?.main?.accuracy, learningRate: last["learning_rate"] ?? 0,
            seconds: progress.epochSeconds + elapsed.seconds, further: results?.further ?? [])
        progress.beginEpoch()
        for observer in observers { try observer.epochEnds(metrics) }
        return metrics
    }
}
