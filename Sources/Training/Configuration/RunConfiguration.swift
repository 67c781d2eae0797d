import Compute
import Datasets
import Glibc
import Optimizers

/// Everything that defines a run. The defaults are those of `crsam-dist train` without a flag.
///
/// Values come from three layers, later ones winning: the defaults, a YAML file, flags. A ``Setting`` declares what is
/// to be known of each beside its type and its default: name, help, range, what it needs to have an effect.
public struct RunConfiguration: Sendable, Equatable {
    public enum MethodName: String, Sendable, CaseIterable { case sgd, sam, crsam }
    public enum OptimizerName: String, Sendable, CaseIterable { case sgd, adamw }
    public enum ScheduleName: String, Sendable, CaseIterable { case constant, cosine, linear, step }
    public enum AugmentationName: String, Sendable, CaseIterable { case none, basic }
    /// Which passes move BatchNorm's running statistics: the clean one, or w − ε too as the authors' code does.
    public enum RunningStatistics: String, Sendable, CaseIterable { case clean, official }

    /// Samples behind each ascent direction.
    public enum MSharpness: Sendable, Equatable {
        case samples(Int)
        /// The whole batch.
        case global
    }

    // Data.
    public var dataset = DatasetName.fashionMNIST
    public var dataDirectory: String?
    /// Nil for the data set's published figures.
    public var normalization: ChannelNormalization?
    public var augment = AugmentationName.basic

    // Model.
    public var model = "resnet8"
    public var initWeights: String?
    public var convolution = ConvolutionPolicy.auto
    public var precision = Precision.float32

    // Method.
    public var method = MethodName.crsam
    public var regularizer = Regularizer.linear
    public var rho = 0.1
    public var alpha = 0.1
    public var beta = 0.01
    /// Nil for a rank's share of the batch.
    public var mSharpness: MSharpness?
    public var bnRunningStats = RunningStatistics.clean
    public var labelSmoothing = 0.0

    // Optimizer.
    public var optimizer = OptimizerName.sgd
    /// Nil for the optimizer's own.
    var givenLearningRate: Double?
    public var momentum = 0.9
    public var nesterov = false
    /// Nil for the optimizer's own.
    var givenWeightDecay: Double?
    public var clipNorm: Double?
    public var schedule = ScheduleName.cosine
    /// Nil for the schedule's own.
    public var warmupEpochs: Double?

    // Size.
    /// Samples of one update over all ranks.
    public var batchSize = 128
    /// The micro-batch size: at most so many samples a forward pass; nil for no limit.
    public var microBatchSize: Int?
    public var epochs = 5
    /// Ends the run after so many updates; nil for `epochs` whole epochs.
    public var steps: Int?
    public var seed: UInt64 = 0
    public var threads = 1
    /// Gradient bucket size in MiB for overlapping the all-reduce with the last backward pass; 0 for one message after
    /// it.
    public var bucketSize = 4.0

    // Records.
    /// In epochs; the last epoch is always evaluated.
    public var evaluateEvery = 1
    /// In steps; nil for every epoch's end. The end of the run is always kept.
    public var checkpointEvery: Int?
    public var output: String?
    public var resume = false

    /// What is said at the start of a run with these settings; see ``requireEffect(flags:exempt:)``.
    package var warnings: [String] = []

    public init() {}
}

extension RunConfiguration {
    /// Peak learning rate.
    public var learningRate: Double {
        get { givenLearningRate ?? optimizer.defaults.learningRate }
        set { givenLearningRate = newValue }
    }

    public var weightDecay: Double {
        get { givenWeightDecay ?? optimizer.defaults.weightDecay }
        set { givenWeightDecay = newValue }
    }

    /// What the rule computes with.
    public var gradientMethod: Method {
        switch method {
        case .sgd: .plain
        case .sam: .sam(perturbationRadius: rho)
        case .crsam: .crsam(perturbationRadius: rho, traceWeight: alpha, normWeight: beta, regularizer: regularizer)
        }
    }

    /// The method in a line for people.
    package var gradientMethodText: String {
        switch gradientMethod.reduced {
        case .plain: "plain gradients"
        case .sam(let radius): "SAM, rho \(radius)"
        case .crsam(let radius, let alpha, let beta, let regularizer):
            "CR-SAM \(regularizer.rawValue), rho \(radius), alpha \(alpha), beta \(beta)"
        }
    }

    /// Nil for one message.
    package var bucketBytes: Int? { bucketSize > 0 ? Int(min(bucketSize, 0x1p30) * 0x1p20) : nil }

    /// Samples in one forward pass of an evaluation: no more than a step of training runs at once on a rank, so that a
    /// run that fits the memory can also be evaluated.
    package func evaluationBatchSize(ranks: Int) -> Int {
        var size = min(max(batchSize / ranks, 1), Evaluator.largestBatch)
        if case .samples(let group) = mSharpness { size = min(size, group) }
        if let microBatchSize { size = min(size, microBatchSize) }
        return size
    }

    package var augmentation: Augmentation { augment == .none ? .none : .basic(for: dataset) }

    package func makeOptimizer(parameterCount: Int) throws(OptimizerError) -> any Optimizer {
        switch optimizer {
        case .sgd:
            try SGD(
                parameterCount: parameterCount, momentum: momentum, nesterov: nesterov, weightDecay: weightDecay)
        case .adamw: try AdamW(parameterCount: parameterCount, weightDecay: weightDecay)
        }
    }

    /// - Parameter runEpochs: length of the run, parts of an epoch included.
    package func makeSchedule(runEpochs: Double) throws(OptimizerError) -> LearningRateSchedule {
        let decay: LearningRateSchedule.Decay =
            switch schedule {
            case .constant: .constant
            case .cosine: .cosine()
            case .linear: .linear()
            case .step: .step()
            }
        return try LearningRateSchedule(
            peak: learningRate, decay: decay,
            warmupEpochs: warmupEpochs ?? schedule.warmupEpochs(runEpochs: runEpochs))
    }

    /// Throws what can be known to be wrong before any data is read: settings that do not go together.
    public func validate() throws(ConfigurationError) {
        try validateHost()
        if optimizer == .sgd && nesterov && momentum == 0 {
            throw ConfigurationError(
                "--nesterov needs a momentum above 0", remedy: "add --momentum 0.9, or leave --nesterov out")
        }
        if let micro = microBatchSize, micro > batchSize {
            throw ConfigurationError(
                "--micro-batch-size \(micro) is more than the batch of \(batchSize)",
                remedy: "use at most \(batchSize), or leave it out")
        }
        if case .samples(let m) = mSharpness, m > batchSize {
            throw ConfigurationError(
                "--m-sharpness \(m) is more than the batch of \(batchSize)",
                remedy: "use at most \(batchSize), or 'global'")
        }
        if dataset != .synthetic && dataset != .fashionMNIST && dataDirectory == nil {
            throw ConfigurationError(
                "--dataset \(dataset.rawValue) needs files", remedy: "name their folder with --data DIR")
        }
    }

    /// Throws what this host cannot do, whatever the run.
    package func validateHost() throws(ConfigurationError) {
        // More would take minutes to start and only wait for each other.
        let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        if threads > 4 * max(processors, 1) {
            throw ConfigurationError(
                "--threads \(threads) is more than four times the \(processors) processors of this host",
                remedy: "use at most one a processor over all ranks of a host")
        }
        if precision.support == .none {
            throw ConfigurationError.unsupported(
                "--precision \(precision.rawValue)", remedy: "use --precision float32 on this one")
        }
    }
}
