import Datasets

/// What happens beside the training loop: records, progress, a profile, a probe, a measurement.
///
/// The trainer calls its observers one after the other, in the order in which they were given, between two parts of a
/// step. Each event says which ranks it reaches; an observer that is attached on rank 0 alone must not call a
/// collective. What an observer throws ends the run, on every rank, as any error does. Every event has a default that
/// does nothing. One that must continue after a restart as if there had been none is also ``Checkpointed``.
package protocol TrainingObserver: AnyObject {
    /// Before the weights are read or drawn. Every rank that has the observer.
    func runBegins(_ run: RunDescription) throws

    /// Before the gradients of a step, with its batch. Every rank that has the observer.
    func stepBegins(_ batch: Batch) throws

    /// After the update of a step. Every rank that has the observer, with the same figures except for the seconds.
    func stepEnds(_ metrics: StepMetrics) throws

    /// After the last step of an epoch, and its evaluation. Every rank that has the observer.
    func epochEnds(_ metrics: EpochMetrics) throws

    /// After a step whose state a resumed run can start from. Every rank that has the observer.
    ///
    /// - Parameter state: to be read only; the next step overwrites it.
    func checkpointIsDue(_ state: CheckpointContents) throws

    /// After the last step, its evaluation and its checkpoint. Every rank that has the observer.
    func runEnds(_ summary: TrainingSummary) throws

    /// Before an error leaves the trainer, on the ranks that threw it.
    func runFails()

    /// A line about the run's folder for people. Rank 0.
    func runNotes(_ line: String)
}

extension TrainingObserver {
    package func runBegins(_ run: RunDescription) throws {}
    package func stepBegins(_ batch: Batch) throws {}
    package func stepEnds(_ metrics: StepMetrics) throws {}
    package func epochEnds(_ metrics: EpochMetrics) throws {}
    package func checkpointIsDue(_ state: CheckpointContents) throws {}
    package func runEnds(_ summary: TrainingSummary) throws {}
    package func runFails() {}
    package func runNotes(_ line: String) {}
}

/// What a run is about to do.
package struct RunDescription {
    /// Resolved.
    package var configuration: RunConfiguration
    package var ranks: Int
    package var parameterCount: Int
    package var trainingImages: Int
    package var testImages: Int
    /// Updates over the whole run, those before a resume included.
    package var totalSteps: Int
    package var totalEpochs: Int
    /// Updates done before; 0 for a start from the beginning. Known to rank 0 alone, as is the rest.
    package var firstStep: Int
    /// Nil where the run's folder gets its number with the first step, or where there is none.
    package var folder: String?
    /// Whether a resume was asked for and there is no checkpoint.
    package var lacksCheckpoint: Bool
}

/// What a finished run came to.
package struct TrainingSummary: Sendable {
    package var steps: Int
    package var lastEpoch: EpochMetrics?
    package var seconds: Double
    /// Nil where nothing was recorded.
    package var folder: String?
    /// Whose checkpoint was kept; nil where nothing was evaluated.
    package var best: BestEvaluation.Result?
}
