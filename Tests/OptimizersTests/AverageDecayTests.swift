import Optimizers
import Testing

@Suite struct AverageDecayTests {
    @Test func `the decay is the same in every update, as ModelEmaV2's`() throws {
        let decay = try AverageDecay(0.999)
        #expect([1, 2, 1000, .max].map(decay.value) == [0.999, 0.999, 0.999, 0.999])
    }

    /// Values of timm's `ModelEmaV3(use_warmup=True).get_decay(n)`.
    @Test(arguments: [
        (1, 0.0), (2, 0.3700394750525634), (3, 0.5192501432308638), (10, 0.7845565309968119), (1000, 0.99),
        (31_623, 0.999), (1_000_000, 0.999),
    ])
    func `with the warm-up the first update takes the weights, and later ones decay more slowly`(
        count: Int, expected: Double
    ) throws {
        let decay = try AverageDecay(0.999, warmsUp: true)
        #expect(abs(decay.value(atUpdate: count) - expected) < 1e-7)
    }

    @Test func `decays that never forget, or grow, are refused`() {
        for bad in [-0.1, 1, 1.5, .nan, .infinity] {
            #expect(throws: OptimizerError.self) { try AverageDecay(bad) }
        }
    }
}
