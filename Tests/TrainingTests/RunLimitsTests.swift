import Compute
import Datasets
import Objectives
import Optimizers
import TestSupport
import Testing
import Training
import Vectors

@Suite struct LossDifferencesTests {
    /// A loss with this slope and curvature along the ascent direction.
    private func losses(_ loss: Double, slope: Double, curvature: Double, radius: Double) -> BatchLosses {
        BatchLosses(
            clean: loss, ascent: loss + radius * slope + radius * radius * curvature / 2,
            descent: loss - radius * slope + radius * radius * curvature / 2)
    }

    @Test(arguments: [0.5, 0.1, 0.01]) func `differences above their rounding are curvature and slope`(_ radius: Double)
        throws
    {
        let differences = LossDifferences(
            losses(2.3, slope: 1.2, curvature: -3.4, radius: radius), radius: radius, precision: .float32)
        #expect(abs(try #require(differences.curvature) + 3.4) < 1e-9)
        #expect(abs(try #require(differences.slope) - 1.2) < 1e-9)
    }

    @Test func `each is missing where rounding hides it, by the size of the losses and the precision`() {
        func differences(_ loss: Double, _ radius: Double, _ precision: Precision) -> LossDifferences {
            LossDifferences(
                losses(loss, slope: 1, curvature: 2, radius: radius), radius: radius, precision: precision)
        }
        #expect(differences(2, 1e-3, .float32).curvature == nil && differences(2, 1e-3, .float32).slope != nil)
        #expect(differences(0.01, 1e-3, .float32).curvature != nil)
        #expect(differences(2, 1e-6, .float32).slope == nil)
        #expect(differences(2, 0.02, .float32).curvature != nil && differences(2, 0.02, .bfloat16).curvature == nil)
        #expect(differences(2, 0.02, .bfloat16).slope != nil)
    }

    @Test func `a radius whose square is zero gives no infinity`() {
        let differences = LossDifferences(
            BatchLosses(clean: 2, ascent: 2 + 1e-7, descent: 2), radius: 1e-200, precision: .float32)
        #expect(differences.curvature == nil && differences.slope == nil)
    }
}

@Suite struct RunLimitsTests {
    private func limits(
        batch: Int, ranks: Int = 1, m: Int? = nil, micro: Int? = nil, samples: Int = 64, pixels: Int? = 1,
        _ change: (inout RunConfiguration) -> Void = { _ in }
    ) throws -> RunLimits {
        var configuration = RunConfiguration()
        configuration.batchSize = batch
        configuration.microBatchSize = micro
        change(&configuration)
        return RunLimits(
            configuration,
            partition: try BatchPartition(
                batchSize: batch, mSharpness: m ?? batch / ranks, ranks: ranks, sampleCount: samples),
            sampleCount: samples, totalSteps: 100, stepsPerEpoch: 10, pixels: pixels)
    }

    private func refusal(_ limits: RunLimits) -> String {
        message { try limits.check(bucketCount: 1, gradientBytes: 1 << 20) }
    }

    @Test func `BatchNorm over one value is refused whatever leads to it`() throws {
        #expect(refusal(try limits(batch: 4, ranks: 4)).contains("a batch of 4 over 4 ranks is 1 image a rank"))
        #expect(refusal(try limits(batch: 8, micro: 1)).contains("--micro-batch-size 1"))
        // Three images in passes of at most two: two and one.
        #expect(refusal(try limits(batch: 3, micro: 2, samples: 63)).contains("--micro-batch-size 2"))
        #expect(refusal(try limits(batch: 8, ranks: 2, m: 1)).contains("--m-sharpness 1"))
        #expect(refusal(try limits(batch: 8, samples: 65)).contains("last batch of an epoch has 1 of 65 images"))
        #expect(refusal(try limits(batch: 8, ranks: 4, samples: 69)).contains("last batch"))
    }

    @Test func `with enough values, or without BatchNorm, nothing is refused`() throws {
        #expect(refusal(try limits(batch: 8, ranks: 4)) == "no error")
        #expect(refusal(try limits(batch: 4, ranks: 4, pixels: 2)) == "no error")
        #expect(refusal(try limits(batch: 4, ranks: 4, pixels: nil)) == "no error")
        #expect(try limits(batch: 8).warnings(weightsNorm: 1) == [])
        #expect(try limits(batch: 4).warnings(weightsNorm: 1).count == 1)
    }

    @Test func `more buckets than can be of use are refused with a size that is allowed`() throws {
        let limits = try limits(batch: 8)
        #expect(message { try limits.check(bucketCount: 512, gradientBytes: 44 << 20) } == "no error")
        let text = message { try limits.check(bucketCount: 44_000, gradientBytes: 44 << 20) }
        #expect(text.contains("44000 messages") && text.contains("at least 0.095 MiB"))
    }

    @Test func `a warm-up as long as the run, a batch above the data and a radius below rounding are warned of`() throws
    {
        func count(_ change: (inout RunConfiguration) -> Void) throws -> Int {
            try limits(batch: 8, change).warnings(weightsNorm: 20).count
        }
        #expect(try count { $0.warmupEpochs = 9.9 } == 0)
        #expect(try count { $0.warmupEpochs = 10 } == 1)
        #expect(try count { $0.rho = 1e-6 } == 1)
        #expect(try count { $0.rho = 1e-5 } == 0)
        #expect(
            try count {
                $0.rho = 1e-6
                $0.method = .plain
            } == 0)
        #expect(try count { $0.learningRate = 1e-12 } == 1)
        #expect(try count { $0.learningRate = 1e-8 } == 0)
        #expect(
            try limits(batch: 128, samples: 64).warnings(weightsNorm: 20).first?.contains("64 training images") == true)
    }
}

extension RunLimitsTests {
    @Test(arguments: [(0.0015, Precision.float32, 1), (0.0025, .float32, 0), (0.05, .bfloat16, 1), (0.1, .bfloat16, 0)])
    func `a logarithm of what rounding hides is warned of by radius and precision`(
        _ radius: Double, _ precision: Precision, _ count: Int
    ) throws {
        func warnings(_ regularizer: Regularizer, alpha: Double = 0.1) throws -> [String] {
            try limits(batch: 8) {
                ($0.rho, $0.precision, $0.regularizer, $0.alpha) = (radius, precision, regularizer, alpha)
            }.warnings(weightsNorm: 20)
        }
        #expect(try warnings(.log).count == count)
        #expect(try warnings(.linear) == [] && warnings(.log, alpha: 0) == [])
    }
}

@Suite struct SettingEffectTests {
    private func refusal(_ settings: [(String, String)], exempt: Set<String> = []) throws -> String {
        var configuration = RunConfiguration()
        for (name, text) in settings { try configuration.apply(flag: name, text) }
        return message { try configuration.requireEffect(flags: settings.map(\.0), exempt: exempt) }
    }

    @Test(arguments: [
        ("rho", "0.2", "method", "sgd"), ("alpha", "0.2", "method", "sam"), ("beta", "0", "method", "sgd"),
        ("regularizer", "linear", "method", "sam"), ("bn-running-stats", "official", "method", "sam"),
        ("momentum", "0.9", "optimizer", "adamw"), ("nesterov", "true", "optimizer", "adamw"),
        ("data", "DIR", "dataset", "synthetic"),
    ]) func `a flag that cannot act is refused with the choice that stands against it`(
        _ name: String, _ value: String, _ choice: String, _ chosen: String
    ) throws {
        let text = try refusal([(choice, chosen), (name, value)])
        #expect(text.hasPrefix("--\(name) has no effect with --\(choice) \(chosen): leave it out, or use "))
        #expect(try refusal([(name, value)]) == "no error")
        #expect(try refusal([(choice, chosen), (name, value)], exempt: [name]) == "no error")
    }

    @Test func `a file's settings are warned of in one line, and only where they are not the defaults`() throws {
        var configuration = RunConfiguration()
        try configuration.apply(yaml: "method: sgd\nrho: 0.3\nalpha: 0.1\nbeta: 0.5\n", path: "run.yaml")
        try configuration.requireEffect(flags: [])
        #expect(
            configuration.warnings == ["settings of the configuration file have no effect with --method sgd: rho, beta"]
        )
    }
}
