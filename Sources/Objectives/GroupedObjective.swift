import Vectors

/// The three points at which a step evaluates the loss, with ε = ρ·g0/‖g0‖.
package enum Pass: Int, Sendable, CaseIterable {
    /// At w. This pass updates BatchNorm's running statistics.
    case clean
    /// At w + ε.
    case ascent
    /// At w − ε.
    case descent
}

/// Loss and gradient of one batch in groups of samples, for the passes of a gradient rule.
///
/// All that a rule sees of a network. Samples of a group share one ascent direction (m-sharpness). A quadratic has one
/// group of weight 1; a network has as many as its process was given. Who needs no groups sees an ``Objective``.
package protocol GroupedObjective: AnyObject {
    /// Length of every vector passed in, padding included.
    var parameterCount: Int { get }

    /// Groups of this batch that this process evaluates, wholly or in part. May be 0 in the last batch of an epoch.
    var groupCount: Int { get }

    /// This process's samples of `group` over those of the whole batch; over all groups and processes they sum to 1.
    func weight(ofGroup group: Int) -> Double

    /// Accumulates the mean gradient over this process's samples of `group` at `point` in `sink`, whose sum is not
    /// `point`.
    ///
    /// Cost: one forward and one backward pass. Random choices inside (dropout) are the same in all three passes.
    /// - Returns: what the sink was given before the last backward pass.
    @discardableResult
    func evaluate(group: Int, pass: Pass, at point: FlatVector, into sink: any GradientSink) throws -> Evaluation

    /// Averages a clean gradient over the processes that share `group`, in place. Nothing to do where none does.
    func averageDirection(ofGroup group: Int, _ gradient: FlatVector) throws

    /// Adds the losses of all processes' shares, so that every process sees the whole batch's. Only a rule whose
    /// coefficients depend on them calls this; then every process calls it once a step.
    func sumOverBatch(_ losses: inout BatchLosses) throws
}

extension GroupedObjective {
    package var groupCount: Int { 1 }
    package func weight(ofGroup group: Int) -> Double { 1 }
    package func averageDirection(ofGroup group: Int, _ gradient: FlatVector) throws {}
    package func sumOverBatch(_ losses: inout BatchLosses) throws {}
}
