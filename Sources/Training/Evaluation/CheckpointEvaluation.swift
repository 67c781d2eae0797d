import Collectives
import Compute
import Datasets
import Files
import Models
import Optimizers
import Vectors

/// Loss and accuracy of a saved model on a data set's test images.
package struct CheckpointEvaluation: Sendable {
    private let checkpoint: Checkpoint
    /// The checkpoint in a result's line.
    private let label: String
    /// Of the run that the checkpoint lies in, with what was set for this evaluation.
    package let configuration: RunConfiguration
    /// Samples in one forward pass on one rank; nil for what the run trained with.
    private let batchSize: Int?

    /// What names the classes that the model was trained on, in the checkpoint's place; nil for none.
    private let classesPath: String?

    /// Notes on the result; empty where it was measured as it was trained.
    private let note: String

    /// - Parameters:
    ///   - path: a run folder, a checkpoint's folder or a file of weights.
    ///   - average: evaluates the weights' average in their place.
    ///   - settings: names and values; they win over those of the run that the checkpoint lies in, and those over the
    ///     weights' own description.
    ///   - classes: a file or folder that ``ClassNames`` reads.
    package init(
        checkpoint path: String, average: Bool = false, settings: [(name: String, text: String)], classes: String? = nil
    ) throws {
        classesPath = classes
        guard let meant = FileSystem.meant(path) else {
            throw ConfigurationError(
                "--checkpoint is '\(path)'",
                remedy: "it must be the path of a run, of a checkpoint or of a .safetensors file")
        }
        checkpoint = try Checkpoint(weights: meant, average: average)
        label = checkpoint.path + (average ? " (EMA)" : "")
        let run = try RunFolder.holding(checkpoint)
        var configuration = RunConfiguration()
        var known: Set<String> = []
        if let run { known = try configuration.apply(file: run.config).keys }
        let description = checkpoint.description
        try description.apply(to: &configuration, isInRun: run != nil, isComplete: known.contains("dataset"))
        known.formUnion(description.settings.map(\.name))
        if let model = checkpoint.ownModelName ?? (known.contains("model") ? nil : checkpoint.olderModelName) {
            configuration.model = model
            known.insert("model")
        }
        let trained = known.contains("dataset") ? configuration : nil
        for (name, text) in settings {
            try configuration.apply(flag: name, text)
            known.insert(name)
        }
        let missing = ["model", "dataset"].filter { !known.contains($0) }.map { "--\($0) NAME" }
        if !missing.isEmpty { throw CheckpointError.unexplained(path: checkpoint.path, missing: missing) }
        try configuration.requireEffect(ofFlags: Set(settings.map(\.name)))
        // The run may be another host's.
        try configuration.validateHost()
        batchSize =
            settings.contains { $0.name == "micro-batch-size" }
            ? configuration.microBatchSize.map { min($0, RunConfiguration.largestEvaluationBatch) } : nil
        try checkpoint.require(model: modelCatalog.entry(configuration.model).name)
        if let trained {
            if configuration.dataset != trained.dataset {
                try Self.requireSameForm(configuration, trained, checkpoint)
                // Its files are not the trained one's; what the network takes for black and white stays.
                if !settings.contains(where: { $0.name == "data" }) { configuration.dataDirectory = nil }
                configuration.normalization = trained.normalization ?? trained.dataset.normalization
                note = " (trained on \(trained.dataset.name), normalized as there)"
            } else {
                note = Self.note(configuration)
            }
        } else {
            note = Self.note(configuration)
        }
        self.configuration = configuration
        guard classes == nil || configuration.dataset.isDecoded else {
            throw ConfigurationError(
                "--classes has no effect on --dataset \(configuration.dataset.name)",
                remedy: "leave it out: it names the classes of images in folders")
        }
    }

    /// Names of the classes that the model was trained on, in the order of its logits; nil where nobody says. Rank 0
    /// reads them.
    private func trainedClasses(_ world: Communicator) throws -> [String]? {
        let own = checkpoint.description.classNames
        guard let classesPath else { return own }
        let bytes = try world.shared { () throws(DatasetError) in
            try Array(ClassNames.read(classesPath).joined(separator: "\n").utf8)
        }
        let names = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)
        guard own == nil || own == names else {
            throw ConfigurationError(
                "--classes \(classesPath) names other classes than \(checkpoint.path) was trained on",
                remedy: "leave it out: the checkpoint knows its classes")
        }
        return names
    }

    /// Printed where the normalization of the images is unknown.
    private static func note(_ configuration: RunConfiguration) -> String {
        configuration.normalization == nil ? " (normalized as \(configuration.dataset.name))" : ""
    }

    /// Throws where images of another data set mean nothing to the weights.
    private static func requireSameForm(
        _ configuration: RunConfiguration, _ trained: RunConfiguration, _ checkpoint: Checkpoint
    ) throws {
        func form(_ configuration: RunConfiguration) throws -> (shape: ImageShape, classes: Int) {
            let entry = try modelCatalog.entry(configuration.model)
            let usual = entry.defaultInputShape
            let shape = ImageShape(channels: usual[0], height: usual[1], width: usual[2])
            let dataset = configuration.dataset
            return (dataset.imageShape ?? shape, dataset.classCount ?? entry.defaultClassCount)
        }
        // How many classes a folder has is known when it is read.
        if configuration.dataset.isDecoded, configuration.dataset.classCount == nil { return }
        let (wanted, usual) = (try form(configuration), try form(trained))
        let description = checkpoint.description
        let own = (shape: description.inputShape ?? usual.shape, classes: description.classCount ?? usual.classes)
        if wanted.shape.channels == own.shape.channels && wanted.classes == own.classes { return }
        func text(_ form: (shape: ImageShape, classes: Int)) -> String {
            "images of \(form.shape.text) in \(form.classes) classes"
        }
        throw ConfigurationError(
            "--dataset \(configuration.dataset.name) has \(text(wanted)), but \(checkpoint.path) was trained on "
                + "\(trained.dataset.name), \(text(own))",
            remedy: "leave --dataset out, or name a data set of as many channels and classes")
    }

    /// Whether the data are ImageNet-C's folder of corruptions, for ``runCorruptions(_:progress:)``.
    package var isOfCorruptions: Bool { configuration.dataset == .imageNetC }

    /// Every rank must call it; the result is the same on all.
    package func run(_ world: Communicator) throws -> EvaluationResult {
        try ConfigurationAgreement.check(agreement, world)
        try configuration.startThreads()
        return try run(configuration, world)
    }

    /// Evaluates every corruption and severity that the folder holds. Every rank must call it; the result is the same
    /// on all.
    ///
    /// - Parameter progress: called after each, on rank 0.
    package func runCorruptions(
        _ world: Communicator, progress: (CorruptionScores.Row) throws -> Void
    ) throws -> CorruptionScores {
        try ConfigurationAgreement.check(agreement, world)
        try configuration.startThreads()
        let folder = configuration.dataDirectory ?? ""
        let found = try CorruptionScores.folders(in: folder)
        guard !found.isEmpty else {
            throw ConfigurationError(
                "\(folder) holds no folders CORRUPTION/1 to CORRUPTION/5", remedy: "name the unpacked ImageNet-C")
        }
        var scores = CorruptionScores()
        for (corruption, severity, path) in found {
            var one = configuration
            one.dataDirectory = path
            // They were cropped to 224 pixels when they were made.
            one.cropRatio = 1
            let result = try run(one, world)
            let row = CorruptionScores.Row(corruption: corruption, severity: severity, accuracy: result.accuracy)
            scores.add(row)
            if world.rank == 0 { try progress(row) }
        }
        return scores
    }

    private var agreement: [(name: String, value: String)] {
        configuration.agreement + [("checkpoint", checkpoint.path), ("classes", classesPath ?? "")]
    }

    private func run(_ configuration: RunConfiguration, _ world: Communicator) throws -> EvaluationResult {
        let entry = try modelCatalog.entry(configuration.model)
        let dataset = try RunResources.dataset(
            configuration, entry, .test, trainedClasses: trainedClasses(world), MemoryShare(world), world)
        try ConfigurationAgreement.check(data: [dataset], world)
        let shape = [dataset.shape.channels, dataset.shape.height, dataset.shape.width]
        let network = try Network(
            try entry.graph(inputShape: shape, classes: dataset.classCount),
            policy: configuration.convolution, precision: configuration.precision)
        let count = network.graph.parameterLayout.vectorCount
        let batchSize = batchSize ?? configuration.evaluationBatchSize(ranks: world.size)
        var memory = RunMemory(configuration)
        memory.add(vectors: 1, of: count)
        let forecasts = try memory.addEvaluation(network, dataset, batchSize: batchSize, world)
        let largest = forecasts.isEmpty ? 0 : min(batchSize, dataset.count)
        try memory.check(
            flags: largest > 1 ? "set --micro-batch-size below \(largest)" : "use more hosts", isModelGiven: true)
        try HostWarnings.show([HostWarnings.slowKernelsWarning(forecasts.compactMap(\.slowKernels))], world)
        let state = ModelState(network.graph)
        if world.rank == 0 { try state.readModel(checkpoint.model, model: entry.name) }
        try state.broadcast(world)
        let evaluator = try Evaluator(
            network: network, dataset: dataset,
            batchSize: batchSize, world: world)
        return try evaluator.run(at: state.weights, statistics: state.statistics)
    }

    package func text(of result: EvaluationResult) -> String {
        "\(label): \(configuration.model) on \(configuration.dataset.name)\(note), \(result.sampleCount) "
            + "images\(configuration.dataset.isPartOfClasses ? " by the logits of its own classes" : ""): "
            + "loss \(NumberText.fixed(result.loss, 4)), accuracy \(NumberText.percent(result.accuracy))"
    }

    /// Files that the evaluation reads: no result may be written over them.
    package var inputs: [String] {
        let run = RunFolder(FileSystem.directory(of: FileSystem.directory(of: checkpoint.path)))
        let files = [
            CheckpointStore.modelFile, CheckpointStore.averageFile, CheckpointStore.optimizerFile,
            CheckpointStore.stateFile,
        ]
        return [checkpoint.path, run.config, run.metrics, run.epochs] + files.map { "\(checkpoint.path)/\($0)" }
    }

    package func json(of result: EvaluationResult) -> String {
        var text = "{\"loss\":"
        text.appendJSON(result.loss)
        text += ",\"accuracy\":"
        text.appendJSON(result.accuracy)
        return text + ",\"samples\":\(result.sampleCount)}\n"
    }
}
