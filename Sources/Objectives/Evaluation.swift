/// The result of one evaluation besides the gradient, as sums over the samples that this process holds.
package struct Evaluation: Sendable, Equatable {
    package var lossSum: Double
    /// Samples that the model got right.
    package var correct: Int
    package var sampleCount: Int

    package init(lossSum: Double, correct: Int, sampleCount: Int) {
        self.lossSum = lossSum
        self.correct = correct
        self.sampleCount = sampleCount
    }

    /// Of an objective that knows the mean, such as a function without samples.
    package init(loss: Double, correct: Int = 0, sampleCount: Int = 1) {
        self.init(lossSum: loss * Double(sampleCount), correct: correct, sampleCount: sampleCount)
    }

    /// Of no samples.
    package init() { self.init(lossSum: 0, correct: 0, sampleCount: 0) }

    /// Mean over the samples; not a number where there are none.
    package var loss: Double { lossSum / Double(sampleCount) }

    package static func += (sum: inout Evaluation, other: Evaluation) {
        sum.lossSum += other.lossSum
        sum.correct += other.correct
        sum.sampleCount += other.sampleCount
    }
}
