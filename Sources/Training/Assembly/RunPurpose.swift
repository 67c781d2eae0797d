/// What a trainer is made for.
package enum RunPurpose: Sendable {
    /// A run with a folder, evaluation and checkpoints.
    case training
    /// The same steps without files or evaluation; synthetic data are a few batches.
    case benchmark
}
