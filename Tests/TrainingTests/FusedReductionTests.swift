import Testing
import Training
import Vectors

@Suite struct ExactSumTests {
    static let digitCount = ExactSum.digitCount

    /// As the ranks' floats are added by an all-reduce, in the given order.
    func summed(_ values: [Double], order: [Int]) -> [Float] {
        var sums = [Float](repeating: 0, count: Self.digitCount)
        var digits = sums
        for index in order {
            ExactSum.encode(values[index], into: &digits)
            for digit in digits.indices { sums[digit] += digits[digit] }
        }
        return sums
    }

    func summed(_ values: [Double]) -> Double { ExactSum.decode(summed(values, order: Array(values.indices))) }

    @Test(
        arguments: [
            0, 1, -1, 0.1, -0.1, .pi, 0x1p-64, -0x1p-64, 0x1p38, 0x1.fffffffffffffp38, -0x1.fffffffffffffp38,
            4095.5, -4096.5, 0x1p-13, 8191, 8192, 1.0 / 3,
        ])
    func `one value on the grid comes back to the bit`(value: Double) {
        #expect(summed([value]) == value)
    }

    @Test func `a value between two units is rounded to the nearer one`() {
        #expect(summed([0x1.8p-65]) == 0x1p-64)
        #expect(summed([0x1p-66]) == 0)
        #expect(summed([-0x1.8p-65]) == -0x1p-64)
    }

    @Test(arguments: [1, 2, 3, 7, 8, 100, 1000, 4096])
    func `sums over ranks are exact, whatever the order`(ranks: Int) {
        var random = RandomStream(seed: 11, purpose: .test, index: ranks)
        for trial in 0..<40 {
            // Magnitudes from 2⁻¹² to 2³⁸, so that every value is a whole number of units of 2⁻⁶⁴.
            let values = (0..<ranks).map { _ in
                let magnitude = Double(sign: .plus, exponent: Int(random.integer(below: 50)) - 12, significand: 1)
                return magnitude * (2 * Double(random.next() >> 11) * 0x1p-53 - 1)
            }.map { ($0 * 0x1p64).rounded() * 0x1p-64 }
            let exact = values.reduce(Int128(0)) { $0 + Int128($1 * 0x1p64) }
            let forwards = summed(values, order: Array(0..<ranks))
            #expect(
                ExactSum.decode(forwards) == Double(exact) * 0x1p-64, "seed 11, \(ranks) ranks, trial \(trial)")
            #expect(summed(values, order: (0..<ranks).shuffled(using: &random)) == forwards)
        }
    }

    @Test func `a tiny second difference survives 4096 ranks, where a float32 sum of high and low parts loses it`() {
        let ranks = 4096
        let clean = 2.302585092994046
        let weight = 1 / Double(ranks)
        let curvature = 1e-12
        func total(_ share: (Int) -> Double) -> Double { summed((0..<ranks).map { share($0) * weight }) }
        let ascent = total { clean + curvature + Double($0 % 7) * 0x1p-40 }
        let descent = total { clean + curvature - Double($0 % 7) * 0x1p-40 }
        let difference = ascent + descent - 2 * total { _ in clean }
        #expect(abs(difference - 2 * curvature) < 4e-15)

        var high: Float = 0
        var low: Float = 0
        for rank in 0..<ranks {
            let value = (clean + Double(rank % 7) * 0x1p-40) * weight
            high += Float(value)
            low += Float(value - Double(Float(value)))
        }
        let expected = (0..<ranks).reduce(0) { $0 + (clean + Double($1 % 7) * 0x1p-40) * weight }
        #expect(abs(Double(high) + Double(low) - expected) > 1e-8)
    }

    @Test func `the largest digits of both signs add up over 4096 ranks`() {
        // 4096 in every digit is 2¹² · (8192⁸ − 1)/8191 units; the nearest Doubles below the bound come close to it.
        for value in [0x1.fffffffffffffp38, -0x1.fffffffffffffp38, 0x1.002p-52, -0x1.002p-52] {
            #expect(summed(Array(repeating: value, count: 4096)) == 4096 * value)
        }
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity, 0x1p39, -0x1p39, 1e300])
    func `what has no digits comes out as not finite`(value: Double) {
        for values in [[value], [1, value, 2], [value, -0.5]] { #expect(!summed(values).isFinite) }
        #expect(summed([value, 1]).isNaN == value.isNaN)
    }

    @Test func `opposite infinities make NaN, and damaged digits too`() {
        #expect(summed([.infinity, -.infinity]).isNaN)
        for damaged in [Float.nan, .infinity, 0.5, 1e30] {
            var digits = [Float](repeating: 1, count: Self.digitCount)
            digits[5] = damaged
            #expect(ExactSum.decode(digits).isNaN)
        }
    }
}

@Suite struct ReplicaAgreementTests {
    func holds(_ fingerprints: [UInt64]) -> Bool {
        var sums = [Float](repeating: 0, count: ReplicaAgreement.floatCount)
        var floats = sums
        for fingerprint in fingerprints {
            ReplicaAgreement.encode(fingerprint, into: &floats)
            for index in sums.indices { sums[index] += floats[index] }
        }
        return ReplicaAgreement.holds(sums, rankCount: fingerprints.count)
    }

    @Test(arguments: [1, 2, 3, 5, 8, 4096])
    func `equal fingerprints agree and one flipped bit on one rank does not`(ranks: Int) {
        var random = RandomStream(seed: 12, purpose: .test, index: ranks)
        for fingerprint in [0, .max, random.next(), random.next()] as [UInt64] {
            var fingerprints = [UInt64](repeating: fingerprint, count: ranks)
            #expect(holds(fingerprints), "seed 12, \(fingerprint)")
            guard ranks > 1 else { continue }
            for bit in stride(from: 0, to: 64, by: ranks > 100 ? 9 : 1) {
                fingerprints[ranks - 1] = fingerprint ^ (1 << UInt64(bit))
                #expect(!holds(fingerprints), "seed 12, \(fingerprint), bit \(bit)")
            }
        }
    }

    @Test func `values whose sums alone agree are distinguished`() {
        // The mean of 1 and 3 is 2, and so is every sum of pieces.
        #expect(!holds([1, 3, 2, 2]))
        #expect(!holds([0, 4095]))
        #expect(!holds((0..<4096).map { UInt64($0) }))
    }

    @Test func `damaged sums do not agree`() {
        var sums = [Float](repeating: 0, count: ReplicaAgreement.floatCount)
        #expect(ReplicaAgreement.holds(sums, rankCount: 2))
        for damaged in [Float.nan, .infinity, 0.5, 1e30] {
            sums[4] = damaged
            #expect(!ReplicaAgreement.holds(sums, rankCount: 2))
        }
    }

    @Test func `the ranks outside the majority are named`() {
        let one = ReplicaDisagreement(fingerprints: [7, 7, 9, 7])
        #expect(one.differingRanks == [2])
        #expect(
            one.description
                == "replicas differ: rank 2 of 4 does not hold the others' state: restart with --resume; "
                + "if it happens again, suspect the memory or processor of that host")
        let two = ReplicaDisagreement(fingerprints: [1, 7, 7, 2, 7])
        #expect(two.differingRanks == [0, 3])
        #expect(two.description.hasPrefix("replicas differ: ranks 0, 3 of 5 do not hold"))
    }

    @Test func `without a majority every rank's value is given`() {
        let even = ReplicaDisagreement(fingerprints: [255, 16])
        #expect(even.majority == nil && even.differingRanks == nil)
        #expect(even.description.hasPrefix("replicas differ and none has a majority (rank 0 ff, rank 1 10): restart"))
        let many = ReplicaDisagreement(fingerprints: (0..<100).map { $0 })
        #expect(many.description.contains("rank 15 f and 84 more)"))
    }
}

@Suite struct StepScalarsTests {
    @Test func `each field is visited once, in a fixed order`() {
        var scalars = StepScalars()
        var order: [Int] = []
        scalars.forEachField { index, value in
            order.append(index)
            value += Double(index + 1)
        }
        #expect(order == Array(0..<StepScalars.fieldCount))
        #expect(MemoryLayout<StepScalars>.size == StepScalars.fieldCount * MemoryLayout<Double>.size)
        #expect(scalars.loss == 1 && scalars.gradientNorm == 4 && scalars.sampleCount == 6)
    }
}
