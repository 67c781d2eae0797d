import Compute
import Foundation
import Testing

/// A loss of five scores, its gradient, and central differences of it.
private struct Case {
    let scores: [Float] = [0.5, -1.25, 3, 0, -0.75]
    var label = 2
    var secondLabel = -1
    var weight = 1.0
    var distribution: [Float]?
    var smoothing = 0.0

    private func withTargets<Result>(_ body: (LossTargets) -> Result) -> Result {
        (distribution ?? []).withUnsafeBufferPointer { buffer in
            body(
                LossTargets(
                    classCount: scores.count, label: label, secondLabel: secondLabel, weight: weight,
                    distribution: distribution == nil ? nil : buffer.baseAddress, smoothing: smoothing))
        }
    }

    var targets: [Double] { withTargets { targets in scores.indices.map { targets[$0] } } }

    func loss(_ loss: any Loss, of scores: [Float]) -> Double {
        withTargets { loss.evaluate(scores, $0, scale: 1, gradient: nil) }
    }

    func gradient(_ loss: any Loss, scale: Double) -> [Float] {
        var gradient = [Float](repeating: .nan, count: scores.count)
        withTargets { _ = loss.evaluate(scores, $0, scale: scale, gradient: &gradient) }
        return gradient
    }

    func differences(_ loss: any Loss) -> [Double] {
        let step: Float = 1 / 1024
        return scores.indices.map { index in
            var (above, below) = (scores, scores)
            above[index] += step
            below[index] -= step
            return (self.loss(loss, of: above) - self.loss(loss, of: below)) / Double(2 * step)
        }
    }
}

@Suite struct LossTests {
    private static let cases = [
        Case(), Case(smoothing: 0.1), Case(distribution: [0.5, 0.25, 0, 0.25, 0]),
        Case(distribution: [0.5, 0.25, 0, 0.25, 0], smoothing: 0.3), Case(secondLabel: 4, weight: 0.7),
        Case(secondLabel: 4, weight: 0.3, smoothing: 0.1), Case(secondLabel: 2, weight: 0.4, smoothing: 0.1),
    ]

    @Test(arguments: lossCatalog.names) func `gradients are central differences of the loss`(name: String) throws {
        let loss = try lossCatalog.entry(name).loss
        for test in Self.cases {
            let gradient = test.gradient(loss, scale: 0.5)
            for (index, difference) in test.differences(loss).enumerated() {
                #expect(abs(Double(gradient[index]) - 0.5 * difference) < 1e-6, "\(test), class \(index)")
            }
        }
    }

    @Test func `smoothed targets are PyTorch's`() {
        #expect(Case(smoothing: 0.1).targets == [0, 0, 1, 0, 0].map { 0.9 * $0 + 0.1 / 5 })
        let distribution = Case(distribution: [0.5, 0.25, 0, 0.25, 0], smoothing: 0.2)
        #expect(distribution.targets == [0.5, 0.25, 0, 0.25, 0].map { 0.8 * $0 + 0.2 / 5 })
    }

    /// Printed by mixed_losses.py.
    @Test(arguments: [
        (
            "cross-entropy", 0.0, 1.281708019,
            [0.070178869, 0.012195259, 0.154953653, 0.042565636, -0.279893417]
        ),
        (
            "binary-cross-entropy", 0.0, 0.695922321,
            [0.124491866, 0.044540028, 0.050514825, 0.100000000, 0.004164260]
        ),
        (
            "cross-entropy", 0.1, 1.439208019,
            [0.050178869, -0.007804741, 0.204953653, 0.022565636, -0.269893417]
        ),
        (
            "binary-cross-entropy", 0.1, 0.727422321,
            [0.120491866, 0.040540028, 0.060514825, 0.096000000, 0.006164260]
        ),
        (
            "multi-label-cross-entropy", 0.0, 0.620922321,
            [0.124491866, 0.044540028, -0.009485175, 0.100000000, -0.135835740]
        ),
    ]) func `losses of mixed labels are PyTorch's`(
        name: String, smoothing: Double, value: Double, gradient: [Double]
    ) throws {
        let loss = try lossCatalog.entry(name).loss
        let test = Case(secondLabel: 4, weight: 0.7, smoothing: smoothing)
        #expect(abs(test.loss(loss, of: test.scores) - value) < 1e-8)
        for (result, expected) in zip(test.gradient(loss, scale: 1), gradient) {
            #expect(abs(Double(result) - expected) < 1e-7)
        }
    }

    @Test func `mixed targets are timm's, and a weight of 1 is the label alone to the bit`() {
        #expect(Case(secondLabel: 4, weight: 0.75).targets == [0, 0, 0.75, 0, 0.25])
        #expect(Case(secondLabel: 2, weight: 0.75).targets == [0, 0, 1, 0, 0])
        let alone = Case(smoothing: 0.1)
        #expect(Case(secondLabel: 4, weight: 1, smoothing: 0.1).targets == alone.targets)
        #expect(Case(weight: 0.3, smoothing: 0.1).targets == alone.targets)
    }

    @Test func `losses are those of their formulas`() throws {
        let test = Case(smoothing: 0.1)
        let scores = test.scores.map(Double.init)
        let sum = scores.map { exp($0) }.reduce(0, +)
        let crossEntropy = zip(scores, test.targets).reduce(0) { $0 - $1.1 * log(exp($1.0) / sum) }
        #expect(abs(test.loss(CrossEntropy(), of: test.scores) - crossEntropy) < 1e-12)
        let binary = zip(scores, test.targets).reduce(0) { total, pair in
            let probability = 1 / (1 + exp(-pair.0))
            return total - pair.1 * log(probability) - (1 - pair.1) * log(1 - probability)
        }
        #expect(abs(test.loss(BinaryCrossEntropy(), of: test.scores) - binary / 5) < 1e-12)
    }

    @Test(arguments: lossCatalog.names) func `large scores overflow nowhere`(name: String) throws {
        let loss = try lossCatalog.entry(name).loss
        let scores: [Float] = [1e4, -1e4, 0, 3e38, -3e38]
        var gradient = [Float](repeating: .nan, count: 5)
        let value = loss.evaluate(scores, LossTargets(classCount: 5, label: 3), scale: 1, gradient: &gradient)
        #expect(value.isFinite && value >= 0)
        #expect(gradient.allSatisfy { $0.isFinite })
    }

    @Test func `the best class is the label, the larger part's of a mix, or the likeliest of a distribution`() {
        #expect(LossTargets(classCount: 3, label: 1).best == 1)
        #expect(LossTargets(classCount: 3, label: 1, secondLabel: 0, weight: 0.5).best == 1)
        #expect(LossTargets(classCount: 3, label: 1, secondLabel: 0, weight: 0.4).best == 0)
        let distribution: [Float] = [0.2, 0.3, 0.5]
        distribution.withUnsafeBufferPointer {
            #expect(LossTargets(classCount: 3, label: -1, distribution: $0.baseAddress).best == 2)
        }
    }
}
