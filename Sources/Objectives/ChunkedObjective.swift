import Vectors

/// Which function a probe sees where pieces of a loss meet: at the zero of a ReLU, where two values are a maximum.
package enum KinkRule: String, Sendable, CaseIterable {
    /// The piece that the loss is on at w, continued: its Hessian is the one that double backward computes.
    case frozen
    /// The loss itself, whose gradient jumps at a kink: what an optimizer meets at that distance. Differences of it
    /// converge to no Hessian.
    case seen
}

/// A mean loss over a fixed set of samples, cut into chunks that are the same for any number of processes: all that a
/// probe sees of a network and a data set.
///
/// A chunk belongs to one process as a whole, so what is computed of it is bitwise identical on any rank count.
package protocol ChunkedObjective: AnyObject {
    /// Of every vector passed in.
    var layout: TensorLayout { get }
    /// Samples of the whole set, of all processes.
    var sampleCount: Int { get }
    /// Chunks of the whole set.
    var chunkCount: Int { get }
    /// This process's chunks; may be empty.
    var chunks: Range<Int> { get }

    /// Samples of any chunk, also another process's. Only the last may have fewer than the others.
    func samples(inChunk chunk: Int) -> Int

    /// Begins with a chunk of this process: the loss at w, whose kinks are kept, and the chunk's mean gradient.
    ///
    /// - Parameter sink: nil for the loss alone. Cost: a forward pass, and with a sink a backward pass.
    func begin(chunk: Int, at w: FlatVector, into sink: (any GradientSink)?) throws -> Evaluation

    /// The same of the chunk begun last at another point.
    func evaluate(at point: FlatVector, _ kinks: KinkRule, into sink: (any GradientSink)?) throws -> Evaluation
}

/// What the processes that share a ``ChunkedObjective`` add up. Every process makes the same calls in the same order.
package protocol ProcessSums: AnyObject {
    /// Adds whole numbers over all processes, in place. A sum of whole numbers does not depend on its order.
    func add(_ values: UnsafeMutableBufferPointer<Int64>) throws
}

/// Of a process that has every chunk.
package final class OneProcess: ProcessSums {
    package init() {}
    package func add(_ values: UnsafeMutableBufferPointer<Int64>) {}
}
