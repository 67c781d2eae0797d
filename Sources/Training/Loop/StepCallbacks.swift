import Datasets

/// An observer of steps made of closures: for measurements and tests.
package final class StepCallbacks: TrainingObserver {
    package var before: ((Batch) throws -> Void)?
    package var after: ((StepMetrics) throws -> Void)?

    package init(before: ((Batch) throws -> Void)? = nil, after: ((StepMetrics) throws -> Void)? = nil) {
        self.before = before
        self.after = after
    }

    package func stepBegins(_ batch: Batch) throws { try before?(batch) }
    package func stepEnds(_ metrics: StepMetrics) throws { try after?(metrics) }
}
