import Vectors

/// Turns the whole batch's G into an update of the weights. Every process applies the identical one.
package protocol Optimizer: AnyObject {
    /// Updates done so far, those before a checkpoint included.
    var stepCount: Int { get }

    /// The vectors that a checkpoint must hold besides the weights, under the names that PyTorch gives them.
    ///
    /// The live vectors, not copies. With ``stepCount`` they are the whole state.
    var state: [(name: String, vector: FlatVector)] { get }

    /// One update, in place, without allocation; the padding stays zero.
    func update(_ weights: FlatVector, gradient: FlatVector, learningRate: Double)

    /// Takes over a saved state: every update after it is bitwise identical to that of the run that saved it.
    /// - Throws: where names or lengths are not those of ``state``; then nothing has changed.
    func restore(stepCount: Int, state saved: [(name: String, vector: FlatVector)]) throws(OptimizerError)
}

extension Optimizer {
    /// Copies `saved` into ``state`` once all of it is known to fit.
    package func copyState(from saved: [(name: String, vector: FlatVector)], stepCount: Int) throws(OptimizerError) {
        guard stepCount >= 0 else { throw .negativeStepCount(stepCount) }
        var pairs: [(target: FlatVector, source: FlatVector)] = []
        for (name, vector) in state {
            guard let match = saved.first(where: { $0.name == name }) else { throw .missingState(name: name) }
            guard match.vector.count == vector.count else {
                throw .wrongStateLength(name: name, expected: vector.count, found: match.vector.count)
            }
            pairs.append((vector, match.vector))
        }
        for (name, _) in saved where !state.contains(where: { $0.name == name }) {
            throw .unexpectedState(name: name)
        }
        for (target, source) in pairs { target.copy(from: source) }
    }
}
