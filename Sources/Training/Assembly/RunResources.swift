import Collectives
import Compute
import Datasets
import Glibc
import Models
import Vectors

/// What a configuration stands for on this rank: the data, the model, and how batches are sharded.
package struct RunResources {
    package let train: any Dataset
    package let test: any Dataset
    /// Beside the test images; none in a benchmark.
    package let evaluationSets: [(name: String, data: any Dataset)]
    package let network: Network
    package let partition: BatchPartition
    package let sampler: EpochSampler
    /// Of the training images.
    package let augmentation: Augmentation
    package let totalSteps: Int

    package var graph: Graph { network.graph }
    package var stepsPerEpoch: Int { sampler.stepsPerEpoch }
    package var totalEpochs: Int { (totalSteps + stepsPerEpoch - 1) / stepsPerEpoch }

    /// Reads the data set and builds the model. Every rank does so for itself, and all must at the same time.
    ///
    /// Of synthetic images a benchmark takes a few whole batches.
    package init(_ configuration: RunConfiguration, _ world: Communicator, purpose: RunPurpose) throws {
        let ranks = world.size
        try configuration.startThreads()
        let entry = try modelCatalog.entry(configuration.model)
        let syntheticCount = purpose == .benchmark ? 4 * configuration.batchSize : nil
        let memory = try MemoryShare(world)
        augmentation = configuration.augmentation(configuration.geometry(of: entry))
        train = try Self.dataset(configuration, entry, .train, syntheticCount: syntheticCount, memory, world)
        test = try Self.dataset(configuration, entry, .test, syntheticCount: syntheticCount, memory, world)
        guard train.shape == test.shape else {
            throw ConfigurationError(
                "--data \(configuration.dataDirectory ?? ""): training images are \(train.shape.text), test images "
                    + test.shape.text, remedy: "take both files from the same download")
        }
        if let train = train as? EncodedImages, let test = test as? EncodedImages {
            try Self.requireSameClasses(
                train.store.index.classes, test.store.index.classes, of: "the test images",
                at: "--data \(configuration.dataDirectory ?? "")",
                remedy: "take both from the same data set, and make both indexes again (crsam-dist data index)")
        }
        // Shards without names may lack the last classes among the test images.
        guard test.classCount <= train.classCount else {
            throw ConfigurationError(
                "--data \(configuration.dataDirectory ?? ""): training images are of \(train.classCount) classes, test "
                    + "images of \(test.classCount)", remedy: "take both from the same data set")
        }
        evaluationSets =
            purpose == .training
            ? try configuration.evaluationSets.map { [train] set in
                (set.name, try Self.evaluationSet(set, of: configuration, entry, like: train, memory, world))
            } : []
        let inputShape = [train.shape.channels, train.shape.height, train.shape.width]
        let graph = try entry.graph(
            inputShape: inputShape, classes: train.classCount, options: configuration.modelOptions)
        network = try Network(
            graph, policy: configuration.convolution, precision: configuration.precision, seed: configuration.seed)
        partition = try BatchPartition(
            batchSize: configuration.batchSize,
            mSharpness: configuration.mSharpness == nil
                ? max(configuration.batchSize / ranks, 1) : configuration.effectiveMSharpness,
            ranks: ranks, sampleCount: train.count)
        sampler = EpochSampler(
            sampleCount: train.count, batchSize: configuration.batchSize, seed: configuration.seed,
            order: configuration.order == .keyed ? .keyed : .windowed(configuration.orderWindow),
            copies: configuration.repeatedAugmentation)
        totalSteps = configuration.steps ?? configuration.epochs * sampler.stepsPerEpoch
    }

    /// Compares names byte by byte; those of shards that know numbers alone say nothing.
    static func requireSameClasses(
        _ train: [String], _ test: [String], of images: String, at place: String, remedy: String
    ) throws {
        func areNumbers(_ names: [String]) -> Bool { names == names.indices.map(String.init) }
        if areNumbers(train) || areNumbers(test) { return }
        for label in 0..<max(train.count, test.count) {
            let (one, other) = (
                label < train.count ? train[label] : "none", label < test.count ? test[label] : "none"
            )
            guard one.utf8.elementsEqual(other.utf8) else {
                throw ConfigurationError(
                    "\(place): class \(label) is \(one) of the training images, \(other) of \(images)",
                    remedy: remedy)
            }
        }
    }

    package static func dataset(
        _ configuration: RunConfiguration, _ model: ModelEntry, _ split: DatasetSplit,
        syntheticCount: Int? = nil, trainedClasses: [String]? = nil, _ memory: MemoryShare, _ world: Communicator
    ) throws -> any Dataset {
        let shape = model.defaultInputShape
        var synthetic = SyntheticImages()
        synthetic.shape = ImageShape(channels: shape[0], height: shape[1], width: shape[2])
        synthetic.classCount = model.defaultClassCount
        synthetic.seed = configuration.seed
        // Every rank holds the whole set in memory.
        if shape[1] > 64 { (synthetic.trainCount, synthetic.testCount) = (1024, 256) }
        if let syntheticCount { (synthetic.trainCount, synthetic.testCount) = (syntheticCount, 1) }
        var request = DatasetRequest(
            split, directory: configuration.dataDirectory, synthetic: synthetic, memory: memory)
        request.geometry = configuration.geometry(of: model)
        request.shared = world.sharedReading
        request.badSamples = configuration.badSamples
        request.trainedClasses = trainedClasses
        request.note = { log.warning("\($0)") }
        var dataset = try configuration.dataset.load(request)
        guard let normalization = configuration.normalization else { return dataset }
        guard normalization.mean.count == dataset.shape.channels else {
            throw ConfigurationError(
                "\(dataset.name)'s images are \(dataset.shape.text), the normalization is for "
                    + "\(normalization.mean.count) channel\(normalization.mean.count == 1 ? "" : "s")",
                remedy: "choose the data set that it belongs to, or take 'normalization' out of the YAML file")
        }
        dataset.normalization = normalization
        return dataset
    }
}

extension Communicator {
    /// Every rank must call it at the same time.
    var sharedReading: SharedReading {
        { [self] body throws(DatasetError) in try shared(body) }
    }

    /// Rank 0 reads; all get its bytes or its error. Every rank must call it at the same time.
    package func shared(_ body: () throws(DatasetError) -> [UInt8]) throws(DatasetError) -> [UInt8] {
        var bytes: [UInt8] = []
        var problem: DatasetError?
        if rank == 0 {
            do throws(DatasetError) { bytes = try body() } catch { problem = error }
        }
        do throws(MPIError) {
            let text = try broadcast(problem.map { "\($0)" } ?? "")
            if !text.isEmpty { problem = problem ?? .stated(text) }
            let count = Int(try broadcast(Int64(bytes.count)))
            if rank != 0 { bytes = [UInt8](repeating: 0, count: count) }
            try bytes.withUnsafeMutableBufferPointer { buffer throws(MPIError) in
                for first in stride(from: 0, to: count, by: 1 << 30) {
                    try broadcast(UnsafeMutableBufferPointer(rebasing: buffer[first..<min(first + 1 << 30, count)]))
                }
            }
        } catch { throw .stated("\(error)") }
        if let problem { throw problem }
        return bytes
    }
}

extension RunConfiguration {
    /// Starts the threads for oneDNN, before it is counted what memory is left beside them.
    func startThreads() throws {
        guard threads <= ComputeThreads.limit else {
            throw ConfigurationError(
                "--threads \(threads) is more than OMP_THREAD_LIMIT allows",
                remedy: "use --threads \(ComputeThreads.limit), or unset OMP_THREAD_LIMIT")
        }
        ComputeThreads.set(Int32(threads))
        guard threads > 1 else { return }
        let smaller = "lower --threads or the size of a stack (OMP_STACKSIZE, ulimit -s)"
        // Stacks are addresses, of which threads use little.
        var available = AvailableMemory.now()
        available.bounds.removeAll { $0.limit == .machine || $0.limit == .cgroup }
        let (bytes, overflow) = (threads - 1).multipliedReportingOverflow(by: ComputeThreads.stackBytes)
        try MemoryNeed("stacks of threads", overflow ? .max : bytes).check(
            available, ranks: MPIEnvironment.launchedRanksOnHost, remedy: smaller)
        let code = ComputeThreads.start(Int32(threads))
        guard code == 0 else {
            throw ConfigurationError(
                "--threads \(threads): they cannot be started with stacks of \(ComputeThreads.stackBytes) bytes "
                    + "(\(String(cString: strerror(code))))",
                remedy: code == EINVAL
                    ? "set OMP_STACKSIZE to 1M or more, or unset it"
                    : "\(smaller), or raise the limit on processes (ulimit -u, the cgroup's pids.max)")
        }
    }
}
