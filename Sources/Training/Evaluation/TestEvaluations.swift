/// A result beside that of the weights on the test images; its name ends its columns in `epochs.csv`.
package struct FurtherEvaluation: Sendable, Equatable {
    /// Of the average of the weights.
    package static let averageName = "ema"

    package var name: String
    package var loss: Double
    package var accuracy: Double

    package init(_ name: String, loss: Double, accuracy: Double) {
        (self.name, self.loss, self.accuracy) = (name, loss, accuracy)
    }
}

/// All that is evaluated at the end of an epoch: the weights, and their average where there is one.
final class TestEvaluations {
    private let evaluator: Evaluator
    private let model: ModelState
    private let average: ModelState?

    init(_ evaluator: Evaluator, of model: ModelState, average: ModelState?) {
        self.evaluator = evaluator
        self.model = model
        self.average = average
    }

    /// Every rank must call it; the results are the same on all. One small all-reduce for each.
    func run() throws -> (main: EvaluationResult, further: [FurtherEvaluation]) {
        let main = try evaluator.run(at: model.weights, statistics: model.statistics)
        var further: [FurtherEvaluation] = []
        if let average {
            let result = try evaluator.run(at: average.weights, statistics: average.statistics)
            further.append(.init(FurtherEvaluation.averageName, loss: result.loss, accuracy: result.accuracy))
        }
        return (main, further)
    }
}

extension RunConfiguration {
    /// Names of what is evaluated beside the weights on the test images, in the order of the columns.
    package var furtherEvaluations: [String] { emaDecay > 0 ? [FurtherEvaluation.averageName] : [] }
}
