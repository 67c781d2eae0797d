/// A result beside that of the weights on the test images; its name ends its columns in `epochs.csv`.
package struct FurtherEvaluation: Sendable, Equatable {
    /// Of the average of the weights; `SET` and `SET_ema` are those on another set.
    package static let averageName = "ema"

    package var name: String
    package var loss: Double
    package var accuracy: Double

    package init(_ name: String, loss: Double, accuracy: Double) {
        (self.name, self.loss, self.accuracy) = (name, loss, accuracy)
    }
}

/// All that is evaluated at the end of an epoch: the weights, and their average where there is one, on the test images
/// and on every other set.
final class TestEvaluations {
    /// The test images come first, and have no name.
    private let sets: [(name: String?, evaluator: Evaluator)]
    /// The weights come first, and have no name.
    private let models: [(name: String?, model: ModelState)]

    /// - Parameter sets: those beside the test images.
    init(
        _ test: Evaluator, sets: [(name: String, evaluator: Evaluator)], of model: ModelState, average: ModelState?
    ) {
        self.sets = [(nil, test)] + sets.map { ($0.name, $0.evaluator) }
        models = [(nil, model)] + (average.map { [(FurtherEvaluation.averageName, $0)] } ?? [])
    }

    /// Every rank must call it; the results are the same on all. One small all-reduce for each.
    ///
    /// - Returns: of the weights on the test images; and the others, in the order of
    ///   ``RunConfiguration/furtherEvaluations``.
    func run() throws -> (main: EvaluationResult?, further: [FurtherEvaluation]) {
        var main: EvaluationResult?
        var further: [FurtherEvaluation] = []
        for set in sets {
            for model in models {
                let result = try set.evaluator.run(at: model.model.weights, statistics: model.model.statistics)
                let name = [set.name, model.name].compactMap(\.self).joined(separator: "_")
                if name.isEmpty {
                    main = result
                } else {
                    further.append(FurtherEvaluation(name, loss: result.loss, accuracy: result.accuracy))
                }
            }
        }
        return (main, further)
    }
}

extension RunConfiguration {
    /// Names of what is evaluated beside the weights on the test images, in the order of the columns.
    package var furtherEvaluations: [String] {
        let average = emaDecay > 0 ? FurtherEvaluation.averageName : nil
        let own = average.map { [$0] } ?? []
        return own + evaluationSets.flatMap { set in [set.name] + own.map { "\(set.name)_\($0)" } }
    }
}
