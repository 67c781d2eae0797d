import Testing
import Vectors

@Suite struct RandomStreamTests {
    // Known answers of the Random123 distribution (kat_vectors, philox4x32 with 10 rounds).
    @Test func `Philox gives the published answers`() {
        let ones = UInt32.max
        #expect(
            RandomStream.philox(counter: [0, 0, 0, 0], key: [0, 0])
                == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
        #expect(
            RandomStream.philox(counter: [ones, ones, ones, ones], key: [ones, ones])
                == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
        #expect(
            RandomStream.philox(
                counter: [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], key: [0xa409_3822, 0x299f_31d0])
                == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])
    }

    @Test func `streams differ by seed, purpose, epoch and index, and repeat`() {
        func first(_ seed: UInt64, _ purpose: RandomPurpose, _ epoch: Int, _ index: Int) -> UInt64 {
            var stream = RandomStream(seed: seed, purpose: purpose, epoch: epoch, index: index)
            return stream.next()
        }
        let values = [
            first(1, .dropout, 0, 0), first(2, .dropout, 0, 0), first(1, .probe, 0, 0), first(1, .dropout, 1, 0),
            first(1, .dropout, 0, 1), first(1, .dropout, 0, 1 << 33),
        ]
        #expect(Set(values).count == values.count)
        #expect(first(1, .dropout, 3, 4) == first(1, .dropout, 3, 4))
    }

    @Test func `uniform, normal and bounded numbers have their distribution's moments`() {
        var stream = RandomStream(seed: 11, purpose: .test)
        let count = 200_000
        let uniform = (0..<count).map { _ in Double(stream.uniform()) }
        let normal = (0..<count).map { _ in Double(stream.normal()) }
        let die = (0..<count).map { _ in stream.integer(below: 6) }
        #expect(uniform.allSatisfy { $0 >= 0 && $0 < 1 })
        #expect(abs(uniform.reduce(0, +) / Double(count) - 0.5) < 0.003)
        #expect(abs(normal.reduce(0, +) / Double(count)) < 0.01)
        #expect(abs(normal.reduce(0) { $0 + $1 * $1 } / Double(count) - 1) < 0.02)
        for face in 0..<6 { #expect(abs(Double(die.filter { $0 == face }.count) / Double(count) - 1 / 6) < 0.005) }
    }
}
