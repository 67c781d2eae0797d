import Compute
import Datasets
import Files

/// What a run's settings come to with its data, its model and its ranks: what cannot work is refused before the first
/// step, what works otherwise than it was probably meant is reported in a line.
package struct RunLimits {
    /// A gradient in more messages than this takes longer to send than to compute (`--bucket-size 0.001` made a
    /// ResNet-18's step 85 times as long).
    static let mostBuckets = 512
    /// Values that one mean and variance of BatchNorm should have: with fewer, what it computes is mostly the values'
    /// noise.
    static let fewValues = 8

    /// Below it rounding hides a curvature of 1 at a loss of 1 (``LossDifferences``): the root of the rounding, rounded
    /// up.
    static func leastLogRadius(_ precision: Precision) -> Double { precision == .float32 ? 0.002 : 0.07 }

    private let configuration: RunConfiguration
    private let sampleCount: Int
    private let partition: BatchPartition
    private let totalSteps: Int
    private let stepsPerEpoch: Int
    /// Pixels of a sample over which BatchNorm takes its smallest statistic; nil without BatchNorm.
    private let pixels: Int?

    /// - Parameter configuration: resolved.
    init(_ configuration: RunConfiguration, _ resources: RunResources) {
        self.init(
            configuration, partition: resources.partition, sampleCount: resources.train.count,
            totalSteps: resources.totalSteps, stepsPerEpoch: resources.stepsPerEpoch,
            pixels: resources.graph.pixelsPerStatistic)
    }

    package init(
        _ configuration: RunConfiguration, partition: BatchPartition, sampleCount: Int, totalSteps: Int,
        stepsPerEpoch: Int, pixels: Int?
    ) {
        self.configuration = configuration
        self.partition = partition
        self.sampleCount = sampleCount
        self.totalSteps = totalSteps
        self.stepsPerEpoch = stepsPerEpoch
        self.pixels = pixels
    }

    /// Throws what cannot work. The same on every rank.
    package func check(bucketCount: Int, gradientBytes: Int) throws(ConfigurationError) {
        if let (values, cause) = leastStatistic, values == 1 {
            throw ConfigurationError(
                "BatchNorm would have one value for a mean and a variance, so that nothing is left of it: \(cause)",
                remedy: "give every rank at least 2 images, or take larger images or a model without BatchNorm")
        }
        if configuration.mixing?.group == .sharpness, partition.mSharpness == 1 {
            throw ConfigurationError(
                "--mixup and --cutmix mix the samples of an ascent direction, of which each has one",
                remedy: "use an --m-sharpness of at least 2")
        }
        if bucketCount > Self.mostBuckets {
            let least = Double(gradientBytes) / 0x1p20 / Double(Self.mostBuckets)
            throw ConfigurationError(
                "--bucket-size \(configuration.bucketSize) cuts the gradient into \(bucketCount) messages a step, each "
                    + "with a latency of its own",
                remedy: "use at least \(NumberText.short(least * 1.1)) MiB, or 0 for one message")
        }
    }

    /// What is probably not meant, a line each.
    ///
    /// - Parameter weightsNorm: ‖w‖ before the first step.
    package func warnings(weightsNorm: Double) -> [String] {
        var lines: [String] = []
        if let (values, cause) = leastStatistic, values < Self.fewValues {
            lines.append(
                "BatchNorm has only \(values) values for a mean and a variance (\(cause)): give every rank more images")
        }
        let batch = configuration.batchSize
        if batch > sampleCount {
            lines.append(
                "--batch-size \(batch) is more than the \(sampleCount) training images: every update uses all of them, "
                    + "as --batch-size \(sampleCount) would; choose a smaller one, or --data with more images")
        }
        let epochs = Double(totalSteps) / Double(stepsPerEpoch)
        if let warmup = configuration.warmupEpochs, warmup > 0, warmup >= epochs {
            lines.append(
                "--warmup-epochs \(NumberText.short(warmup)) is as long as the run or longer "
                    + "(\(NumberText.short(epochs)) epochs): the rate only rises and never decays; choose a "
                    + "shorter one"
            )
        }
        // What is added to w is rounded with it to 24 bits: a part of ‖w‖ that is smaller leaves nearly every
        // weight as it is.
        let weights = (norm: NumberText.short(weightsNorm), rounding: weightsNorm * 0x1p-24)
        lines += [rateWarning(weights), radiusWarning(weights)].compactMap(\.self)
        if configuration.bnRunningStats == .official, pixels == nil {
            lines.append("--bn-running-stats official has no effect: \(configuration.model) has no BatchNorm")
        }
        return lines
    }

    /// Of a learning rate whose updates rounding swallows.
    private func rateWarning(_ weights: (norm: String, rounding: Double)) -> String? {
        let rate = configuration.peakLearningRate
        // Gradients have norms of 1 to 100; AdamW moves each weight by about the rate.
        let reach = configuration.optimizer == .sgd ? 1000 / (1 - configuration.momentum) : 10_000
        if Float(rate) == 0 {
            return "--learning-rate \(rate) is 0 in single precision: no update moves the weights"
        }
        if rate * reach < weights.rounding {
            return
                "--learning-rate \(rate) is so small that an update is below the rounding of the weights "
                + "(\(Float(weights.rounding)), their norm being \(weights.norm)): they will not move; 1e-4 to 1 is "
                + "usual"
        }
        if rate * configuration.weightDecay > 1 {
            return
                "--learning-rate \(rate) times --weight-decay \(configuration.weightDecay) is more than 1: an update "
                + "takes more than a weight off it, so that weights grow with changing signs; 1e-5 to 0.1 is usual for "
                + "the decay"
        }
        if let clip = configuration.clipNorm, configuration.optimizer == .sgd,
            rate * clip / (1 - configuration.momentum) < weights.rounding
        {
            return
                "with --clip-norm \(clip) and --learning-rate \(rate) an update is below the rounding of the weights "
                + "(\(Float(weights.rounding)), their norm being \(weights.norm)): raise --clip-norm, 1 is usual"
        }
        return nil
    }

    /// Of a perturbation, or a difference of losses, that rounding swallows.
    private func radiusWarning(_ weights: (norm: String, rounding: Double)) -> String? {
        let (method, precision) = (configuration.gradientMethod.reduced, configuration.precision)
        if method != .plain, configuration.rho < weights.rounding {
            return
                "--rho \(configuration.rho) is below the rounding of the weights (\(Float(weights.rounding)), their "
                + "norm being \(weights.norm)): w + ε is w, so that \(configuration.method.name) acts as plain "
                + "training at its full cost; use 0.01 to 1, or --method sgd"
        }
        let radius = method.perturbationRadius
        if method.rule == .crsam, method.regularizer == .log, method.traceWeight > 0,
            radius < Self.leastLogRadius(precision)
        {
            let hidden = LossDifferences.relativeRounding(precision) / (radius * radius)
            return
                "--regularizer log divides by the losses' second difference, which at --rho \(radius) and a loss of 1 "
                + "is rounding for any curvature below \(NumberText.short(hidden)): noise is scaled up; use a --rho "
                + "of at least \(Self.leastLogRadius(precision))"
                + "\(precision == .float32 ? "" : ", --precision float32") or --regularizer linear"
        }
        return nil
    }

    /// The fewest values that BatchNorm takes a mean over in any forward pass of an epoch, and why so few.
    private var leastStatistic: (values: Int, cause: String)? {
        guard let pixels else { return nil }
        let full = min(partition.batchSize, sampleCount)
        let last = sampleCount % partition.batchSize
        var least = (images: Int.max, isLast: false)
        for (count, isLast) in [(full, false), (last, true)] where count > 0 {
            if let images = leastImages(batchCount: count), images < least.images { least = (images, isLast) }
        }
        guard least.images < Int.max else { return nil }
        let images = "\(least.images) image\(least.images == 1 ? "" : "s")"
        var cause: String
        if least.isLast {
            cause = "the last batch of an epoch has \(last) of \(sampleCount) images, which leaves some rank \(images)"
        } else if let micro = configuration.microBatchSize, micro < min(partition.mSharpness, full / partition.ranks) {
            cause = "--micro-batch-size \(micro) is \(images) a forward pass"
        } else if partition.mSharpness < full / partition.ranks {
            cause = "--m-sharpness \(partition.mSharpness) is \(images) a forward pass"
        } else {
            cause =
                "a batch of \(full) over \(partition.ranks) rank\(partition.ranks == 1 ? "" : "s") is \(images) a rank"
        }
        cause += ", of which the model's last stage sees \(pixels) pixel\(pixels == 1 ? "" : "s")"
        return (least.images * pixels, cause)
    }

    /// Images in the smallest forward pass of a batch.
    private func leastImages(batchCount: Int) -> Int? {
        (0..<partition.ranks).flatMap { rank in
            partition.shares(batchCount: batchCount, rank: rank).compactMap { share -> Int? in
                guard !share.samples.isEmpty else { return nil }
                return share.samples.count
                    / BatchObjective.forwardPasses(of: share.samples.count, atMost: configuration.microBatchSize)
            }
        }.min()
    }
}
