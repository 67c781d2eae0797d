import Collectives
import Compute
import Files
import Glibc
import Training

/// What `bench step` measures; the same on all ranks except for rounding.
package struct StepBenchmarkResult: Sendable, Equatable {
    package var model: String
    package var method: String
    package var precision: String
    package var ranks: Int
    package var threadsPerRank: Int
    /// Over all ranks.
    package var batchSize: Int
    package var measuredSteps: Int
    /// Over all ranks, at the median step.
    package var samplesPerSecond: Double
    package var medianStepSeconds: Double
    /// Floating-point operations of convolutions and matrix products over all ranks, in 10⁹ a second: two for each
    /// multiply-add, three passes (forward, backward data, backward weights) for each gradient. Winograd's algorithm
    /// computes the same with fewer, so this can exceed what the processor does.
    package var gflops: Double
    /// `gflops` over the sum of the ranks' measured matrix-product peaks, all measured at once.
    package var shareOfPeak: Double
    /// The largest of the ranks' peak resident memories.
    package var peakResidentBytesPerRank: Int
    /// From the start of the slowest process to the end of its first step.
    package var secondsToFirstStep: Double
    /// What that time went to, on the slowest rank of each part.
    package var startUp: StartUp
    /// Rank 0's peak: floating-point operations a second.
    package var peak: Double
    /// Rank 0's; nil unless it was asked for.
    package var breakdown: StepBreakdown?
    /// Chrome's trace format; nil unless it was asked for.
    package var trace: String?

    package var json: String {
        var text = "{\"model\":"
        text.appendJSON(model)
        text += ",\"method\":"
        text.appendJSON(method)
        text += ",\"precision\":\"\(precision)\""
        text += ",\"ranks\":\(ranks),\"threads_per_rank\":\(threadsPerRank),\"batch_size\":\(batchSize)"
        text += ",\"measured_steps\":\(measuredSteps)"
        for (name, value) in [
            ("samples_per_second", samplesPerSecond), ("median_step_seconds", medianStepSeconds), ("gflops", gflops),
            ("share_of_peak", shareOfPeak), ("peak_gflops_of_rank_0", peak / 1e9),
            ("seconds_to_first_step", secondsToFirstStep),
        ] {
            text += ",\"\(name)\":"
            text.appendJSON(value)
        }
        text += ",\"start_up\":{"
        for (index, (name, value)) in startUp.parts.enumerated() {
            text += "\(index > 0 ? "," : "")\"\(name.replacing(" ", with: "_"))_seconds\":"
            text.appendJSON(value)
        }
        text += "}"
        text += ",\"peak_resident_bytes_per_rank\":\(peakResidentBytesPerRank)"
        text += ",\"machine\":\(MachineDescription().json)"
        if let breakdown { text += ",\"breakdown\":\(breakdown.json)" }
        return text + "}\n"
    }
}

/// The time from the start of a process to the end of its first step, in parts, in seconds.
package struct StartUp: Sendable, Equatable {
    /// Loading, and MPI's initialization.
    package var mpi = 0.0
    /// Data, model, starting weights, the first broadcast.
    package var preparation = 0.0
    /// The plan: primitives created, memory placed. Within the first step.
    package var planning = 0.0
    /// The rest of the first step.
    package var firstStep = 0.0

    var parts: [(name: String, seconds: Double)] {
        [("mpi", mpi), ("preparation", preparation), ("planning", planning), ("first step", firstStep)]
    }

    var text: String {
        parts.map { "\($0.name == "mpi" ? "MPI" : $0.name) \(NumberText.fixed($0.seconds, 2))" }
            .joined(separator: ", ")
    }
}

extension StepBenchmarkResult {
    /// For people, a line a figure.
    package var text: String {
        """
        \(model), \(method), \(precision): \(ranks) rank\(ranks == 1 ? "" : "s") x \(threadsPerRank) \
        thread\(threadsPerRank == 1 ? "" : "s"), batch \(batchSize) (\(batchSize / ranks) a rank), \(measuredSteps) \
        step\(measuredSteps == 1 ? "" : "s")
          samples/s              \(NumberText.fixed(samplesPerSecond, 1))
          median step            \(NumberText.fixed(medianStepSeconds * 1000, 2)) ms
          GF/s                   \(NumberText.fixed(gflops, 1))
          share of peak          \(NumberText.percent(shareOfPeak)) of the measured matrix-product peak in \(precision)
          peak memory per rank   \(NumberText.fixed(Double(peakResidentBytesPerRank) / 1e6, 0)) MB
          start to first step    \(NumberText.fixed(secondsToFirstStep, 2)) s (\(startUp.text))
        """
    }
}

/// Times the training loop itself on synthetic data: the same steps as a run's, without files or evaluation.
package struct StepBenchmark {
    /// The first step makes the plan and touches the memory; the others are alike.
    package var warmupSteps = 1
    package var measuredSteps = 10
    /// Whether the result has a time breakdown by phase and operation.
    package var hasBreakdown = false
    /// Whether the result holds the last steps of all ranks in Chrome's trace format.
    package var hasTrace = false

    /// Steps of a trace: enough to see what repeats.
    private static let tracedSteps = 3

    package init(measuredSteps: Int = 10) { self.measuredSteps = measuredSteps }

    /// Every rank must call it.
    package func run(_ configuration: RunConfiguration, world: Communicator) throws -> StepBenchmarkResult {
        var configuration = configuration
        configuration.steps = warmupSteps + measuredSteps
        var startUp = StartUp()
        startUp.mpi = Self.secondsSinceProcessStart()
        let callbacks = StepCallbacks()
        let trainer = try Trainer(configuration, world: world, purpose: .benchmark, observers: [callbacks])
        let profile = hasBreakdown || hasTrace ? Profile() : nil
        // Without a breakdown only a trace's steps are taken down.
        let profiledFrom = hasBreakdown ? warmupSteps : warmupSteps + max(0, measuredSteps - Self.tracedSteps)
        startUp.preparation = Self.secondsSinceProcessStart() - startUp.mpi
        var seconds: [Double] = []
        var secondsToFirstStep = 0.0
        callbacks.after = { metrics in
            if seconds.isEmpty {
                secondsToFirstStep = Self.secondsSinceProcessStart()
                startUp.planning = trainer.planningSeconds
                startUp.firstStep = secondsToFirstStep - startUp.mpi - startUp.preparation - startUp.planning
            }
            seconds.append(metrics.stepSeconds)
            if let profile, seconds.count == profiledFrom {
                profile.restart()
                trainer.profile = profile
            }
        }
        // The closure holds the trainer, which holds its observer.
        defer { callbacks.after = nil }
        _ = try trainer.run()
        let measured = seconds.dropFirst(warmupSteps).sorted()
        let median = (measured[(measured.count - 1) / 2] + measured[measured.count / 2]) / 2
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        try world.barrier()
        let ownPeak = try MatrixProductPeak.measure(configuration.precision)
        let peak = try world.allReduce(ownPeak, .sum)
        let trace =
            hasTrace ? try profile.map { try StepTrace.gather($0, world, lastSteps: Self.tracedSteps) } : nil
        let operations = Double(
            trainer.gradientOperations * trainer.gradientEvaluationsPerStep * configuration.batchSize)
        return StepBenchmarkResult(
            model: configuration.model, method: configuration.method.name,
            precision: configuration.precision.rawValue, ranks: world.size,
            threadsPerRank: configuration.threads, batchSize: configuration.batchSize, measuredSteps: measured.count,
            samplesPerSecond: Double(configuration.batchSize) / median, medianStepSeconds: median,
            gflops: operations / median / 1e9, shareOfPeak: operations / median / peak,
            peakResidentBytesPerRank: Int(try world.allReduce(Int64(usage.ru_maxrss) * 1024, .max)),
            secondsToFirstStep: try world.allReduce(secondsToFirstStep, .max),
            startUp: StartUp(
                mpi: try world.allReduce(startUp.mpi, .max),
                preparation: try world.allReduce(startUp.preparation, .max),
                planning: try world.allReduce(startUp.planning, .max),
                firstStep: try world.allReduce(startUp.firstStep, .max)), peak: ownPeak,
            breakdown: hasBreakdown
                ? profile.map {
                    StepBreakdown(
                        $0, steps: measured.count,
                        stepSeconds: measured.reduce(0, +) / Double(measured.count))
                } : nil, trace: trace)
    }

    /// By the kernel's own record of when the process began; 0 where it cannot be read.
    static func secondsSinceProcessStart() -> Double {
        // The name, field 2, may hold spaces; the start, field 22, is the 20th behind its closing bracket.
        let fields = FileSystem.systemText("/proc/self/stat").split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 19, let ticks = Double(fields[19]),
            let uptime = FileSystem.systemText("/proc/uptime").split(separator: " ").first.flatMap({ Double($0) })
        else { return 0 }
        return uptime - ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
