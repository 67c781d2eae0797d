import Collectives
import Compute
import Datasets
import Optimizers

/// The objects that a configuration names, on this rank: all that the training loop works with.
///
/// The one place where names become objects. It is also where a run is checked before it costs anything: that all ranks
/// were given the same settings and read the same data, that the memory suffices, that the settings act.
struct TrainingParts {
    /// Resolved.
    let configuration: RunConfiguration
    let world: Communicator
    let resources: RunResources
    let state: ModelState
    let optimizer: any Optimizer
    let rule: any GradientRule
    let local: BatchObjective
    let objective: DistributedObjective
    let reduction: FusedReduction
    let meter = StepMeter()
    let clipping: GradientClipping?
    let schedule: LearningRateSchedule
    /// Nil unless asked for.
    let average: WeightAverage?
    /// Nil in a benchmark.
    let evaluations: TestEvaluations?
    /// Nil in a benchmark.
    let best: BestEvaluation?
    /// Rank 0's; nil in a benchmark.
    let records: RunRecords?
    /// Samples in the largest forward pass on this rank.
    let largestRun: Int

    /// Every rank must call it.
    init(_ requested: RunConfiguration, world: Communicator, purpose: RunPurpose) throws {
        self.world = world
        try ConfigurationAgreement.check(requested.agreement, world)
        resources = try RunResources(requested, world, purpose: purpose)
        let images = [resources.train, resources.test] + resources.evaluationSets.map(\.data)
        let fingerprints = try ConfigurationAgreement.check(data: images, world)
        configuration = requested.resolved(
            mSharpness: resources.partition.mSharpness, normalization: resources.train.normalization)
        let count = resources.graph.parameterLayout.vectorCount
        rule = try configuration.gradientMethod.makeRule(parameterCount: count)
        largestRun = try Self.checkMemory(configuration, resources, rule, world, purpose)
        state = ModelState(resources.graph)
        optimizer = try configuration.makeOptimizer(resources.graph.parameterLayout)
        clipping = try configuration.clipNorm.map { try GradientClipping(maximumNorm: $0) }
        schedule = try configuration.makeSchedule(
            runEpochs: Double(resources.totalSteps) / Double(resources.stepsPerEpoch))
        local = BatchObjective(
            network: resources.network, statistics: state.statistics, microBatchSize: configuration.microBatchSize,
            loss: configuration.loss.loss, labelSmoothing: Float(configuration.labelSmoothing),
            movesStatisticsInDescent: configuration.bnRunningStats == .official)
        objective = try DistributedObjective(local, partition: resources.partition, world: world)
        reduction = try FusedReduction(
            gradientCount: state.weights.count, statisticsCount: state.statistics.count,
            sumCount: meter.sums.count, bucketBytes: configuration.bucketBytes, communicator: world)
        try RunLimits(configuration, resources)
            .check(bucketCount: reduction.bucketCount, gradientBytes: reduction.byteCount)
        average = try configuration.makeAverageDecay().map { [state, resources] in
            WeightAverage(of: state, resources.graph, $0)
        }
        evaluations =
            purpose == .training
            ? try Self.evaluations(configuration, resources, of: state, average: average?.model, world) : nil
        best = purpose == .training ? BestEvaluation() : nil
        records =
            purpose == .training && world.rank == 0
            ? try RunRecords(
                configuration, resources, dataFingerprints: fingerprints, ranks: world.size, best: best) : nil
    }

    private static func evaluations(
        _ configuration: RunConfiguration, _ resources: RunResources, of model: ModelState, average: ModelState?,
        _ world: Communicator
    ) throws -> TestEvaluations {
        func evaluator(_ data: any Dataset) throws -> Evaluator {
            try Evaluator(
                network: resources.network, dataset: data,
                batchSize: configuration.evaluationBatchSize(ranks: world.size), world: world)
        }
        let sets = try resources.evaluationSets.map { ($0.name, try evaluator($0.data)) }
        return TestEvaluations(try evaluator(resources.test), sets: sets, of: model, average: average)
    }

    /// Reached by all ranks before any takes the memory that was counted.
    ///
    /// - Returns: samples in the largest forward pass on this rank.
    private static func checkMemory(
        _ configuration: RunConfiguration, _ resources: RunResources, _ rule: any GradientRule, _ world: Communicator,
        _ purpose: RunPurpose
    ) throws -> Int {
        var memory = RunMemory(configuration)
        let forecasts = try memory.addTraining(resources, rule, evaluating: purpose == .training, world)
        if purpose == .benchmark { memory.add("the matrix-product peak", MatrixProductPeak.largestBytes) }
        try memory.check(flags: "lower --batch-size, set --micro-batch-size, use more hosts")
        try HostWarnings.show([HostWarnings.slowKernelsWarning(forecasts.compactMap(\.slowKernels))], world)
        return memory.largestRun
    }

    /// Warnings of settings that hardly act, once the weights are known.
    func warnOfLimits() {
        for line in RunLimits(configuration, resources).warnings(weightsNorm: state.weights.norm) {
            log.warning("\(line)")
        }
    }

    var description: RunDescription {
        RunDescription(
            configuration: configuration, ranks: world.size,
            parameterCount: resources.graph.parameterLayout.scalarCount, trainingImages: resources.train.count,
            testImages: resources.test.count, totalSteps: resources.totalSteps, totalEpochs: resources.totalEpochs,
            firstStep: records?.firstStep ?? 0, folder: records?.folder?.path,
            lacksCheckpoint: configuration.resume && records?.checkpoint == nil)
    }
}
