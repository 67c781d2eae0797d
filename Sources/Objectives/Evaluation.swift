/// What one evaluation found besides the gradient.
public struct Evaluation: Sendable, Equatable {
    /// Mean over the samples of the group that this process holds.
    public var loss: Double
    /// How many of those samples the model got right.
    public var correct: Int
    public var sampleCount: Int

    public init(loss: Double, correct: Int = 0, sampleCount: Int = 1) {
        self.loss = loss
        self.correct = correct
        self.sampleCount = sampleCount
    }
}
