import Collectives
import TensorFiles

/// A part of a run, besides the model, that must survive a restart: tensors in `optimizer.safetensors`.
///
/// ``CheckpointContents`` has the list of all parts, by which a checkpoint is written, read and sent to the other
/// ranks. An observer that conforms is a part of it, too; it must then be on every rank.
package protocol Checkpointed: AnyObject {
    /// For messages, and for the names of its tensors, which no other part may have: `NAME.…`.
    var partName: String { get }

    /// What it keeps, as it is now: always the same names, shapes and types.
    var tensors: [NamedTensor] { get }

    /// Takes over what ``tensors`` were when `file` was written. Rank 0; names, shapes and types of floats were
    /// compared before, the values were not.
    func restore(from file: SafeTensorsFile) throws

    /// Makes this rank's part equal to rank 0's, once rank 0 has restored all parts. Every rank must call it.
    func broadcast(_ world: Communicator) throws
}
