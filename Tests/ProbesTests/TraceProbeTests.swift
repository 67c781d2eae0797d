import Objectives
import Probes
import Testing
import Vectors

@Suite("Traces") struct TraceProbeTests {
    static let layout: TensorLayout = {
        var layout = TensorLayout()
        layout.append("first", shape: [30, 20])
        layout.append("blocks", shape: [16, 16, 1, 1], order: .blockedChannels)
        layout.append("last", shape: [144])
        return layout
    }()

    static func weights(_ layout: TensorLayout = layout, seed: UInt64 = 1) -> FlatVector {
        var stream = RandomStream(seed: seed, purpose: .test)
        let w = FlatVector(count: layout.vectorCount)
        for entry in layout.entries { for index in entry.range { w[index] = stream.normal() } }
        return w
    }

    /// Of chunks of unlike sizes with unlike Hessians.
    static func diagonal(indefinite: Bool = false) -> Quadratic {
        var stream = RandomStream(seed: 2, purpose: .test)
        let count = layout.scalarCount
        let diagonals = (0..<5).map { _ in
            (0..<count).map { _ in Double(stream.uniform()) * 4 - (indefinite ? 2.5 : 0) }
        }
        return Quadratic(layout, diagonals: diagonals, sizes: [64, 64, 64, 64, 17])
    }

    @Test("a ±1 probe is exact on diagonal Hessians", arguments: [false, true], TraceForm.allCases)
    func aDiagonalIsExact(indefinite: Bool, form: TraceForm) throws {
        let quadratic = Self.diagonal(indefinite: indefinite)
        var probe = TraceProbe(quadratic, at: Self.weights())
        probe.form = form
        let estimate = try probe.run()
        #expect(abs(estimate.trace.value - quadratic.trace) <= (form == .losses ? 1e-4 : 1e-6) * abs(quadratic.trace))
        if form == .gradients {
            #expect(estimate.tensors.count == 3)
            let sum = estimate.tensors.reduce(0) { $0 + $1.value }
            #expect(abs(sum - estimate.trace.value) <= 1e-9 * abs(sum))
        }
    }

    @Test("a round costs two gradients a chunk, or two losses, and one loss at w")
    func costs() throws {
        for form in TraceForm.allCases {
            let quadratic = Self.diagonal()
            var probe = TraceProbe(quadratic, at: Self.weights())
            (probe.form, probe.step, probe.rounds) = (form, 0.5, 3)
            _ = try probe.run()
            #expect(quadratic.gradients == (form == .gradients ? 3 * 5 * 2 : 0))
            #expect(quadratic.losses == (form == .gradients ? 3 * 5 : 3 * 5 * 3))
        }
    }

    @Test("the trace lies within two standard errors for 90 to 99 per cent of 200 seeds")
    func coverage() throws {
        var stream = RandomStream(seed: 3, purpose: .test)
        let count = Self.layout.scalarCount
        let factors = (0..<5).map { _ in (0..<count).map { _ in 0.2 * Double(stream.normal()) } }
        let diagonals = (0..<40).map { _ in (0..<count).map { _ in Double(stream.uniform()) } }
        let quadratic = Quadratic(
            Self.layout, diagonals: diagonals, factors: factors, sizes: .init(repeating: 64, count: 40))
        let w = Self.weights()
        var covered = 0
        for seed in 0..<200 as Range<UInt64> {
            var probe = TraceProbe(quadratic, at: w)
            (probe.seed, probe.step) = (seed, 0.25)
            let estimate = try probe.run().trace
            if abs(estimate.value - quadratic.trace) <= 2 * estimate.standardError { covered += 1 }
        }
        #expect((180...198).contains(covered), "\(covered) of 200")
    }

    @Test("rounds go on to the tolerance, from eight probes on, and no further")
    func tolerance() throws {
        let quadratic = Self.diagonal()
        var probe = TraceProbe(quadratic, at: Self.weights())
        (probe.rounds, probe.tolerance, probe.step) = (50, 1, 0.25)
        #expect(try probe.run().rounds == 2)
        probe.tolerance = 0
        probe.rounds = 4
        #expect(try probe.run().rounds == 4)
    }

    @Test("one chunk's standard error is that over rounds")
    func oneChunk() throws {
        var stream = RandomStream(seed: 5, purpose: .test)
        let count = Self.layout.scalarCount
        let factor = (0..<count).map { _ in 0.3 * Double(stream.normal()) }
        let quadratic = Quadratic(
            Self.layout, diagonals: [.init(repeating: 1, count: count)], factors: [factor], sizes: [10])
        var probe = TraceProbe(quadratic, at: Self.weights())
        #expect(try probe.run().trace.standardError.isNaN)
        probe.rounds = 64
        let estimate = try probe.run().trace
        #expect(estimate.standardError > 0)
        #expect(abs(estimate.value - quadratic.trace) <= 4 * estimate.standardError)
        // Var vᵀHv = 2(‖H‖² − Σ Hᵢᵢ²), nearly 2|f|⁴.
        let square = factor.reduce(0) { $0 + $1 * $1 }
        let expected = (2 * square * square / 64).squareRoot()
        #expect(abs(estimate.standardError - expected) < 0.5 * expected)
    }

    @Test("weights that are not finite are an error, a flat loss too")
    func errors() throws {
        let w = Self.weights()
        w[3] = .nan
        #expect(throws: ProbeError.self) { try TraceProbe(Self.diagonal(), at: w).run() }
        let flat = Quadratic(
            Self.layout, diagonals: [.init(repeating: 0, count: Self.layout.scalarCount)], sizes: [8])
        #expect(throws: ProbeError.self) { try TraceProbe(flat, at: Self.weights()).run() }
    }
}

@Suite("Vectors of probes") struct ProbeVectorsTests {
    @Test("signs belong to names and row-major places, whatever the order in memory; padding is zero")
    func signsBelongToNames() {
        var plain = TensorLayout()
        plain.append("first", shape: [30, 20])
        plain.append("blocks", shape: [16, 16, 1, 1])
        plain.append("last", shape: [144])
        let blocked = TraceProbeTests.layout
        let (a, b) = (FlatVector(count: plain.vectorCount), FlatVector(count: blocked.vectorCount))
        ProbeVectors(plain, seed: 7).signs(round: 3, chunk: 11, into: a)
        ProbeVectors(blocked, seed: 7).signs(round: 3, chunk: 11, into: b)
        for (x, y) in zip(plain.entries, blocked.entries) {
            #expect(x.values(in: a).array == y.values(in: b).array)
            #expect(x.values(in: a).array.allSatisfy { abs($0) == 1 })
        }
        #expect(a.squaredNorm(in: 0..<a.count) == Double(plain.scalarCount))
        ProbeVectors(plain, seed: 7).signs(round: 3, chunk: 12, into: b)
        #expect(a.array != b.array)
    }
}

@Suite("Norms of gradients") struct GradientNormTests {
    @Test("the full norm is that of the mean gradient, batches' that of their own")
    func norms() throws {
        let quadratic = TraceProbeTests.diagonal()
        let w = TraceProbeTests.weights()
        let norms = try GradientNormProbe(quadratic, at: w).run()
        let (sum, gradient) = (FlatVector(count: w.count), FlatVector(count: w.count))
        var (loss, batches) = (0.0, 0.0)
        for batch in [[0, 1], [2, 3], [4]] {
            let mean = FlatVector(count: w.count)
            let size = batch.reduce(0) { $0 + quadratic.samples(inChunk: $1) }
            for chunk in batch {
                let share = Double(quadratic.samples(inChunk: chunk))
                loss += try quadratic.begin(chunk: chunk, at: w, into: GradientSum(gradient)).loss * share / 273
                sum.add(gradient, scaledBy: Float(share / 273))
                mean.add(gradient, scaledBy: Float(share / Double(size)))
            }
            batches += mean.norm / 3
        }
        #expect(abs(norms.full - sum.norm) <= 1e-6 * sum.norm)
        #expect(abs(norms.batches.value - batches) <= 1e-6 * batches)
        #expect(abs(norms.loss - loss) <= 1e-9 * loss)
        #expect(norms.batchSize == 128)
    }
}

@Suite("Exact totals") struct ExactTotalTests {
    @Test("a total does not depend on order, and says where a value has no place")
    func order() throws {
        var stream = RandomStream(seed: 1, purpose: .test)
        let values = (0..<1000).map { _ in
            Double(stream.normal()) * Double(sign: .plus, exponent: stream.integer(below: 60) - 40, significand: 1)
        }
        var (forwards, backwards) = (ExactTotal(), ExactTotal())
        for value in values { forwards += value }
        for value in values.reversed() { backwards += value }
        #expect(forwards == backwards)
        #expect(try ExactTotal.addUp([forwards], OneProcess()) == [forwards])
        forwards += .nan
        #expect(forwards.value.isNaN)
        #expect(try ExactTotal.addUp([forwards, backwards], OneProcess()).map(\.isSound) == [false, true])
        var large = ExactTotal()
        large += 0x1p35
        #expect(!large.isSound)
        var negative = ExactTotal()
        negative += -1.5
        #expect(try ExactTotal.addUp([negative], OneProcess())[0].value == -1.5)
    }
}
