import Objectives
import Vectors

/// Samples for one pass, borrowed from their owner for the length of the call.
package struct SampleBatch {
    package var count: Int
    /// Samples x channels x height x width.
    package var pixels: UnsafeMutablePointer<Float>
    /// One class a sample.
    package var labels: UnsafePointer<Int32>?
    /// Of mixed samples: what stands beside `labels`.
    package var mixed: MixedLabels?
    /// Samples x classes, each row a distribution; takes the place of `labels` when present.
    package var softTargets: UnsafePointer<Float>?
    /// The data set's index of each sample; dropout's masks belong to it.
    package var sampleIndices: UnsafePointer<Int>?
    package var epoch: Int

    package init(
        count: Int, pixels: UnsafeMutablePointer<Float>, labels: UnsafePointer<Int32>? = nil,
        mixed: MixedLabels? = nil, softTargets: UnsafePointer<Float>? = nil,
        sampleIndices: UnsafePointer<Int>? = nil, epoch: Int = 0
    ) {
        self.count = count
        self.pixels = pixels
        self.labels = labels
        self.mixed = mixed
        self.softTargets = softTargets
        self.sampleIndices = sampleIndices
        self.epoch = epoch
    }
}

/// A second class of each sample, and the part, λ, that the first one has of its target.
package struct MixedLabels {
    let labels: UnsafePointer<Int32>
    let weights: UnsafePointer<Float>

    package init(labels: UnsafePointer<Int32>, weights: UnsafePointer<Float>) {
        (self.labels, self.weights) = (labels, weights)
    }
}

/// A graph that can be run: programs for the batch sizes that have occurred, and the arena that they share.
///
/// The first pass of a batch size makes its program; later passes allocate nothing. Not for two threads at once.
package final class Network {
    package let graph: Graph
    private let engine: Engine
    private let policy: ConvolutionPolicy
    private let precision: Precision
    private let seed: UInt64
    private var programs: [(batch: Int, kind: ProgramKind, program: Program)] = []
    private var arena: FlatVector
    private let context: RunContext
    /// Time that went into making programs so far.
    package private(set) var planningSeconds = 0.0

    /// Takes the time of every pass and operation, if set.
    package var profile: Profile? {
        get { context.profile }
        set { context.profile = newValue }
    }

    /// - Parameter seed: of dropout's masks.
    package init(
        _ graph: Graph, policy: ConvolutionPolicy = .auto, precision: Precision = .float32, seed: UInt64 = 0
    ) throws {
        self.graph = graph
        self.policy = policy
        self.precision = precision
        self.seed = seed
        engine = try Engine()
        arena = FlatVector(count: 0)
        // Every pointer is set anew before each pass.
        context = RunContext(
            arena: UnsafeMutableRawPointer(arena.pointer), parameters: arena.pointer, statistics: arena.pointer,
            input: arena.pointer)
    }

    /// Bytes of activations, gradients of activations and scratch memory, for all batch sizes so far.
    package var arenaBytes: Int { arena.count * MemoryLayout<Float>.stride }

    /// Accumulates ∂(gradientScale · Σ loss)/∂w at `weights` in `sink`, which takes what is ready after each
    /// operation of the backward pass.
    ///
    /// - Parameters:
    ///   - gradientScale: 1 / count for the gradient of the mean.
    ///   - updatesStatistics: whether BatchNorm's running statistics are updated.
    /// - Returns: sums over the samples, computed with batch statistics.
    @discardableResult
    package func gradient(
        _ batch: SampleBatch, at weights: FlatVector, statistics: FlatVector, into sink: any GradientSink,
        gradientScale: Float, loss: any Loss = CrossEntropy(), labelSmoothing: Float = 0,
        updatesStatistics: Bool = false
    ) throws -> Evaluation {
        let sum = sink.sum
        precondition(sum.count == graph.parameterLayout.vectorCount && sum.pointer != weights.pointer)
        context.gradientScale = gradientScale
        context.loss = loss
        context.labelSmoothing = labelSmoothing
        context.updatesStatistics = updatesStatistics
        return try run(.training, batch, at: weights, statistics: statistics, sink)
    }

    /// Cross-entropy and correct predictions with running statistics, without dropout.
    ///
    /// - Parameter logits: takes the samples' scores, samples x classes, if given.
    package func evaluate(
        _ batch: SampleBatch, at weights: FlatVector, statistics: FlatVector, logits: FlatVector? = nil
    ) throws -> Evaluation {
        precondition(logits.map { $0.count >= batch.count * graph.classCount } ?? true)
        context.logits = logits?.pointer
        defer { context.logits = nil }
        context.loss = CrossEntropy()
        context.labelSmoothing = 0
        context.updatesStatistics = false
        return try run(.inference, batch, at: weights, statistics: statistics, nil)
    }

    /// Cross-entropy at `weights` of the function that evaluation computes, and its gradient: with running statistics,
    /// without dropout, in float32.
    ///
    /// - Parameters:
    ///   - kinks: takes which side of its kink every ReLU and maximum is on; or, where `keepsKinks`, has had it from a
    ///     pass of the same samples at another point, and the loss is that of the piece.
    ///   - sink: takes ∂(gradientScale · Σ loss)/∂w; nil for the loss alone, a forward pass.
    /// - Returns: sums over the samples.
    package func probe(
        _ batch: SampleBatch, at weights: FlatVector, statistics: FlatVector, _ kinks: Kinks, keepsKinks: Bool,
        gradientScale: Float = 1, into sink: (any GradientSink)? = nil
    ) throws -> Evaluation {
        precondition(precision == .float32, "curvature is measured in float32")
        precondition(!keepsKinks || kinks.batch == batch.count, "kinks of other samples")
        precondition(sink.map { $0.sum.pointer != weights.pointer } ?? true)
        (context.kinks, context.keepsKinks) = (kinks, keepsKinks)
        context.gradientScale = gradientScale
        context.loss = CrossEntropy()
        context.labelSmoothing = 0
        context.updatesStatistics = false
        return try run(.probing, batch, at: weights, statistics: statistics, sink)
    }

    /// Arena that training needs for each further sample, judged by the plans of two batch sizes.
    package func trainingBytesPerSample() throws -> Int {
        let (small, large) = (8, 16)
        let bytes = try [small, large].map { try forecast(batch: $0, .training).arenaBytes }
        return max(0, bytes[1] - bytes[0]) / (large - small)
    }

    /// What a pass over so many samples will need and use. Takes milliseconds: no kernel is compiled, no arena taken.
    package func forecast(batch: Int, _ kind: ProgramKind) throws -> PlanForecast {
        PlanForecast(
            try graph.planned(engine: engine, batch: batch, kind, policy: policy, precision: precision))
    }

    /// Every instruction of a pass over so many samples, in their order. As cheap as ``forecast(batch:_:)``.
    package func plan(batch: Int, _ kind: ProgramKind) throws -> [PlannedInstruction] {
        let builder = try graph.planned(
            engine: engine, batch: batch, kind, policy: policy, precision: precision)
        return builder.instructions.map(PlannedInstruction.init)
    }

    private func run(
        _ kind: ProgramKind, _ batch: SampleBatch, at weights: FlatVector, statistics: FlatVector,
        _ sink: (any GradientSink)?
    ) throws -> Evaluation {
        precondition(
            weights.count == graph.parameterLayout.vectorCount && statistics.count == graph.statisticsLayout.vectorCount
        )
        let program = try program(batch: batch.count, kind)
        if kind == .probing, !context.keepsKinks { context.kinks.prepare(for: program) }
        context.arena = UnsafeMutableRawPointer(arena.pointer)
        context.parameters = weights.pointer
        context.statistics = statistics.pointer
        context.input = batch.pixels
        context.labels = batch.labels
        context.mixed = batch.mixed
        context.softTargets = batch.softTargets
        context.sampleIndices = batch.sampleIndices
        context.epoch = batch.epoch
        context.seed = seed
        return try program.run(context, into: sink)
    }

    package func program(batch: Int, _ kind: ProgramKind) throws -> Program {
        if let known = programs.first(where: { $0.batch == batch && $0.kind == kind }) { return known.program }
        let start = Profile.now
        defer { planningSeconds += Profile.now - start }
        let program = try graph.program(
            engine: engine, batch: batch, kind, policy: policy, precision: precision)
        try reserveArena(program)
        programs.append((batch, kind, program))
        return program
    }

    /// Nothing lives in the arena between passes: the smaller one is freed before the larger one is allocated.
    private func reserveArena(_ program: Program) throws(MemoryShortage) {
        let floats = (program.arenaBytes + MemoryLayout<Float>.stride - 1) / MemoryLayout<Float>.stride
        guard floats > arena.count else { return }
        arena = FlatVector(count: 0)
        do throws(MemoryShortage) {
            try MemoryNeed(Self.arenaPurpose(samples: program.batch), program.arenaBytes).check(
                remedy: "lower --batch-size, set --micro-batch-size or use more hosts")
        } catch {
            // Their arena is gone.
            programs.removeAll()
            throw error
        }
        arena = FlatVector(count: floats)
    }

    /// What an arena is for, in messages.
    package static func arenaPurpose(samples: Int) -> String {
        "activations of \(samples) sample\(samples == 1 ? "" : "s") in one forward pass"
    }
}
