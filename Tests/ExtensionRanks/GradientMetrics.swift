import Training

extension StepMetric {
    /// Samples of the step that the model got wrong: a sum over the ranks.
    static let wrongSamples = StepMetric(
        "wrong_samples", .count, .sum { Double($0.terms.sampleCount - $0.terms.correct) })

    /// The largest entry of the reduced gradient, which all ranks have.
    static let largestGradient = StepMetric(
        "largest_gradient", .none,
        .replicated { outcome in Double(outcome.gradient.elements.reduce(0) { max($0, abs($1)) }) })
}
