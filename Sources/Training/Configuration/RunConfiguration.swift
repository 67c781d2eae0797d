import Compute
import Datasets
import Glibc
import Models
import Optimizers
import Vectors

/// Everything that defines a run. The defaults are those of `crsam-dist train` without a flag.
///
/// Values come from three layers, later ones winning: the defaults, a YAML file, flags. A ``Setting`` declares what is
/// to be known of each beside its type and its default: name, help, range, what it needs to have an effect.
package struct RunConfiguration: Sendable, Equatable {
    /// Which passes update BatchNorm's running statistics: the clean one, or w − ε too as the authors' code does.
    package enum RunningStatistics: String, Sendable, CaseIterable { case clean, official }

    /// Tensors that weight decay acts on.
    package enum DecayedTensors: String, Sendable, CaseIterable { case all, matrices }

    /// How a rate given for another batch follows the run's: with its size (Goyal et al. 2017, section 2.1) or the root
    /// of it (Krizhevsky 2014, section 5; for Adam and LAMB You et al. 2020).
    package enum RateScaling: String, Sendable, CaseIterable {
        case linear
        case squareRoot = "square-root"

        /// The factor on the rate where the batch is so many times as large.
        func factor(_ ratio: Double) -> Double { self == .linear ? ratio : ratio.squareRoot() }
    }

    /// Samples behind each ascent direction.
    package enum MSharpness: Sendable, Equatable {
        case samples(Int)
        /// The whole batch.
        case global
    }

    // Data.
    package var dataset = DatasetEntry.fashionMNIST
    package var dataDirectory: String?
    /// Nil for the data set's published figures.
    package var normalization: ChannelNormalization?
    package var augment = TransformEntry.basic
    /// α of MixUp; 0 for none.
    package var mixUp = 0.0
    /// α of CutMix; 0 for none.
    package var cutMix = 0.0
    /// Of timm's random erasing, by normal pixels.
    package var randomErasing = 0.0
    /// Copies of each sample in an epoch.
    package var repeatedAugmentation = 1
    /// Nil for the model's own.
    package var imageSize: Int?
    package var cropRatio = 0.875
    package var interpolation = ResamplingFilter.bilinear
    package var badSamples = BadSamplePolicy.error
    package enum Order: String, Sendable, CaseIterable { case keyed, windowed }
    package var order = Order.keyed
    /// Samples in a window of the windowed order.
    package var orderWindow = 65_536
    /// That read and prepare a rank's samples.
    package var dataThreads = 1

    // Model.
    package var model = "resnet8"
    package var modelOptions = ModelOptions()
    package var initWeights: String?
    package var resetsHead = false
    package var convolution = ConvolutionPolicy.auto
    package var precision = Precision.float32

    // Method.
    package var method = GradientRuleEntry.crsam
    package var regularizer = Regularizer.linear
    package var rho = 0.1
    package var rhoSchedule = RadiusSchedule.constant
    package var rhoMin = 0.0
    package var alpha = 0.1
    package var beta = 0.01
    /// Nil for a rank's share of the batch.
    package var mSharpness: MSharpness?
    package var bnRunningStats = RunningStatistics.clean
    package var loss = LossEntry.crossEntropy
    package var labelSmoothing = 0.0

    // Optimizer.
    package var optimizer = OptimizerEntry.sgd
    /// Nil for the optimizer's own.
    var givenLearningRate: Double?
    /// The batch that the rate is given for; nil for the run's own.
    package var learningRateBatch: Int?
    package var learningRateScaling = RateScaling.linear
    package var momentum = 0.9
    package var nesterov = false
    /// Nil for the optimizer's own.
    var givenWeightDecay: Double?
    package var weightDecayOn = DecayedTensors.all
    package var clipNorm: Double?
    /// d of the weights' exponential moving average; 0 for none.
    package var emaDecay = 0.0
    package var warmsUpEMA = false
    /// Factor on the rate of each layer over that of the layer behind it.
    package var layerDecay = 1.0
    package var schedule = ScheduleEntry.cosine
    /// Nil for the schedule's own.
    package var warmupEpochs: Double?

    // Size.
    /// Samples of one update over all ranks.
    package var batchSize = 128
    /// The micro-batch size: at most so many samples a forward pass; nil for no limit.
    package var microBatchSize: Int?
    package var epochs = 5
    /// Ends the run after so many updates; nil for `epochs` whole epochs.
    package var steps: Int?
    package var seed: UInt64 = 0
    package var threads = 1
    /// Gradient bucket size in MiB for overlapping the all-reduce with the last backward pass; 0 for one message after
    /// it.
    package var bucketSize = 4.0

    // Records.
    /// In epochs; the last epoch is always evaluated.
    package var evaluateEvery = 1
    /// Beside the test images of the data set.
    package var evaluationSets: [EvaluationSet] = []
    /// In steps; nil for every epoch's end. The end of the run is always kept.
    package var checkpointEvery: Int?
    package var output: String?
    package var resume = false

    /// Of settings that have no property here, by name; see ``SettingKey``.
    var addedValues: [String: any Sendable] = [:]

    /// What is said at the start of a run with these settings; see ``requireEffect(flags:exempt:)``.
    package var warnings: [String] = []

    package init() {}
}

extension RunConfiguration {
    /// What the rule computes with.
    package var gradientMethod: Method {
        Method(method, perturbationRadius: rho, traceWeight: alpha, normWeight: beta, regularizer: regularizer)
    }

    /// ρ of a step with this learning rate.
    package func radius(at rate: Double) -> Double {
        rhoSchedule.radius(rho, minimum: rhoMin, share: peakLearningRate > 0 ? rate / peakLearningRate : 1)
    }

    /// The method in a line for people.
    package var gradientMethodText: String { gradientMethod.text }

    /// Nil for one message.
    package var bucketBytes: Int? { bucketSize > 0 ? Int(min(bucketSize, 0x1p30) * 0x1p20) : nil }

    /// The most samples in one forward pass of an evaluation that are worth their memory.
    static let largestEvaluationBatch = 128

    /// Samples in one forward pass of an evaluation: no more than a step of training runs at once on a rank, so that a
    /// run that fits the memory can also be evaluated.
    package func evaluationBatchSize(ranks: Int) -> Int {
        var size = min(max(batchSize / ranks, 1), Self.largestEvaluationBatch)
        if case .samples(let group) = mSharpness { size = min(size, group) }
        if let microBatchSize { size = min(size, microBatchSize) }
        return size
    }

    /// How images of any size become those that the model reads.
    package func geometry(of model: ModelEntry) -> ImageGeometry {
        ImageGeometry(side: imageSize ?? model.defaultInputShape[1], cropRatio: cropRatio, filter: interpolation)
    }

    /// Throws what can be known to be wrong before any data is read: settings that do not go together.
    package func validate() throws(ConfigurationError) {
        try validateHost()
        if augment == .inception, !dataset.isDecoded {
            throw ConfigurationError(
                "--augment inception crops images of any size, --dataset \(dataset.name) has them of one",
                remedy: "use --augment basic")
        }
        if optimizer.hyperparameters.contains(.nesterov) && nesterov && momentum == 0 {
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
        if let set = evaluationSets.first(where: { ($0.dataset ?? dataset) == .synthetic }) {
            throw ConfigurationError(
                "--evaluate-on \(set.text): synthetic images have no files", remedy: "name it after a data set")
        }
        if dataset.needsDirectory && dataDirectory == nil {
            throw ConfigurationError(
                "--dataset \(dataset.name) needs files", remedy: "name their folder with --data DIR")
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
