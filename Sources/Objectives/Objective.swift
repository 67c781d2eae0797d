import Vectors

/// Loss and gradient at a point: all that a probe sees of a network and a batch.
package protocol Objective: AnyObject {
    /// Length of every vector passed in, padding included.
    var parameterCount: Int { get }

    /// Accumulates the gradient at `point` in `sink`, whose sum is not `point`.
    ///
    /// Cost: one forward and one backward pass for each sample. The same point gives the same result.
    @discardableResult
    func evaluate(at point: FlatVector, into sink: any GradientSink) throws -> Evaluation
}
