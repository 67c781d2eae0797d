import Collectives
import Compute
import Datasets
import Models
import Optimizers

/// Loss and accuracy of a saved model on a data set's test images.
public struct CheckpointEvaluation: Sendable {
    private let checkpoint: Checkpoint
    /// Of the run that the checkpoint lies in, with what was set for this evaluation.
    public let configuration: RunConfiguration
    /// Samples in one run on one rank; nil for what the run trained with.
    private let batchSize: Int?

    /// - Parameters:
    ///   - path: a run folder, a checkpoint's folder or a file of weights.
    ///   - settings: field and value; they win over those of the run that the checkpoint lies in.
    public init(checkpoint path: String, settings: [(String, String?)]) throws {
        checkpoint = try Checkpoint(weights: path)
        var configuration = RunConfiguration()
        // step-NNNNNNNN lies in checkpoints, which lies in the run's folder.
        let run = RunFolder(FileSystem.directory(of: FileSystem.directory(of: checkpoint.path)))
        if checkpoint.state != nil, try FileSystem.kind(run.config) == .file {
            try configuration.apply(file: run.config)
        }
        let trainedOn = configuration.dataset
        if let model = checkpoint.modelName { configuration.model = model }
        for (name, text) in settings {
            if let text { try configuration.apply(flag: name, text) }
        }
        if let there = trainedOn.imageShape, let here = configuration.dataset.imageShape,
            there.channels != here.channels,
            configuration.normalization != nil
        {
            throw ConfigurationError(
                "\(configuration.dataset.rawValue)'s images are \(here.text), the weights in \(checkpoint.path) "
                    + "are for \(there.text), those of \(trainedOn.rawValue)",
                remedy: "choose a data set of such images with --dataset")
        }
        // The run may be another host's.
        try configuration.validateHost()
        batchSize =
            settings.contains { $0.0 == "micro-batch-size" && $0.1 != nil }
            ? configuration.microBatchSize.map { min($0, Evaluator.largestBatch) } : nil
        try checkpoint.require(model: ModelCatalog.entry(configuration.model).name)
        self.configuration = configuration
    }

    /// Every rank must call it; the result is the same on all.
    public func run(_ world: Communicator) throws -> EvaluationResult {
        try ConfigurationAgreement.check(
            configuration.agreement(command: "evaluate") + [("checkpoint", checkpoint.path)], world)
        ComputeThreads.set(Int32(configuration.threads))
        let entry = try ModelCatalog.entry(configuration.model)
        let dataset = try RunResources.dataset(configuration, entry, .test)
        try ConfigurationAgreement.check(data: [dataset], world)
        let shape = [dataset.shape.channels, dataset.shape.height, dataset.shape.width]
        let network = try Network(
            try ModelCatalog.graph(entry.name, inputShape: shape, classes: dataset.classCount),
            policy: configuration.convolution, precision: configuration.precision)
        let count = network.graph.parameterLayout.vectorCount
        let state = ModelState(network.graph, optimizer: try SGD(parameterCount: count))
        if world.rank == 0 { try state.readModel(checkpoint.model, model: entry.name) }
        try state.broadcast(world)
        let evaluator = Evaluator(
            network: network, dataset: dataset,
            batchSize: batchSize ?? configuration.evaluationBatchSize(ranks: world.size), world: world)
        do {
            return try evaluator.run(at: state.weights, statistics: state.statistics)
        } catch var shortage as MemoryShortage {
            shortage.remedy =
                shortage.samples > 1
                ? "set --micro-batch-size below \(shortage.samples)"
                : "use a host with more memory, or fewer ranks on this one"
            throw shortage
        }
    }

    public func text(of result: EvaluationResult) -> String {
        "\(checkpoint.path): \(configuration.model) on \(configuration.dataset.rawValue), \(result.sampleCount) images: "
            + "loss \(ProgressReporter.fixed(result.loss, 4)), accuracy \(ProgressReporter.percent(result.accuracy))"
    }

    public func write(_ result: EvaluationResult, to path: String) throws {
        var text = "{\"loss\":"
        text.appendJSON(result.loss)
        text += ",\"accuracy\":"
        text.appendJSON(result.accuracy)
        try FileSystem.replace(path, with: text + ",\"samples\":\(result.sampleCount)}\n")
    }
}
