import Objectives
import Vectors

/// Makes the gradient G that a step descends of gradients at w and around it: each rule is
///
///     G = Σ_k weight_k · (c₊ g⁺_k + c₀ g0_k + c₋ g⁻_k)
///
/// over groups k of samples that share an ascent direction, with the coefficients
///
/// | method | c₊ | c₀ | c₋ |
/// |---|---|---|---|
/// | plain | – | 1 | – |
/// | SAM | 1 | – | – |
/// | CR-SAM | 1 + a + b | −2a | a − b |
///
/// of ``Coefficients``. Work vectors are allocated lazily and stay: a step allocates nothing once one batch with as
/// many groups was seen.
///
/// | method | work vectors |
/// |---|---|
/// | plain | 0, or 1 for several groups |
/// | SAM | 1 |
/// | CR-SAM linear | 1 |
/// | CR-SAM log | 3 |
package protocol GradientRule: AnyObject, SendableMetatype {
    /// Forward and backward passes for each group of samples.
    static var gradientEvaluationsPerGroup: Int { get }

    /// - Parameters:
    ///   - method: reduced and valid.
    ///   - parameterCount: length of weights and gradient, padding included.
    init(_ method: Method, parameterCount: Int)

    /// ρ of the steps to come, above 0; a rule without passes around w ignores it.
    func setPerturbationRadius(_ radius: Double)

    /// What the rule itself reads and writes between the passes for each group: the norm, the turns of the point and,
    /// for CR-SAM, the clean gradient's share of G.
    var vectorBytesPerGroup: Int { get }

    /// Work vectors that a step with so many groups allocates at most.
    func largestWorkVectorCount(groups: Int) -> Int

    /// Work vectors allocated so far, each as long as the weights.
    var workVectorCount: Int { get }

    /// Overwrites the sum of `sink` with this process's part of G: the sum of all processes' parts is the batch's G.
    /// The padding, of the sum and of `weights`, must be zero and stays so.
    ///
    /// Every process calls this once a step, one without groups too: the log form's
    /// ``GroupedObjective/sumOverBatch(_:)`` is reached by all, and ``GroupedObjective/averageDirection(ofGroup:_:)``
    /// once for each group by all that share it. `weights` is only read.
    ///
    /// During the last backward pass `sink` is called with what of G is ready. A process without groups does not call
    /// it: its zeros are final at the return.
    /// - Throws: what objective and sink throw. A loss that is not finite is no error: it shows in the result.
    func evaluate(
        _ objective: any GroupedObjective, at weights: FlatVector, into sink: any GradientSink
    ) throws -> StepTerms
}

extension GradientRule {
    package func setPerturbationRadius(_ radius: Double) {}

    package var gradientEvaluationsPerGroup: Int { Self.gradientEvaluationsPerGroup }
}
