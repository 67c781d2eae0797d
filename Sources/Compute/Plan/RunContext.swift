import Vectors

/// What one pass of a program reads and returns: bound before the pass, read after it.
package final class RunContext {
    package var arena: UnsafeMutableRawPointer
    package var parameters: UnsafeMutablePointer<Float>
    package var statistics: UnsafeMutablePointer<Float>
    /// Batch x channels x height x width.
    package var input: UnsafeMutablePointer<Float>
    /// One class a sample.
    package var labels: UnsafePointer<Int32>?
    /// Of mixed samples: the second class, and the first one's part.
    package var mixed: MixedLabels?
    /// Batch x classes, each row a distribution; takes the place of `labels` when present.
    package var softTargets: UnsafePointer<Float>?
    package var loss: any Loss = CrossEntropy()
    package var labelSmoothing: Float = 0
    /// The data set's index of each sample: dropout's masks belong to samples, not to places in a batch.
    package var sampleIndices: UnsafePointer<Int>?
    package var epoch = 0
    package var seed: UInt64 = 0
    package var updatesStatistics = false
    /// Of a probing program: the sides of its kinks, and whether the pass keeps those or writes its own.
    package var kinks = Kinks()
    package var keepsKinks = false
    /// Factor on the summed loss before differentiation: 1 / samples for the gradient of the mean.
    package var gradientScale: Float = 1

    /// Takes the time of every pass and instruction, if present.
    package var profile: Profile?

    /// Takes the scores, batch x classes, if present.
    package var logits: UnsafeMutablePointer<Float>?

    /// Sum over the samples, not their mean.
    package var lossSum = 0.0
    package var correct = 0

    package init(
        arena: UnsafeMutableRawPointer, parameters: UnsafeMutablePointer<Float>,
        statistics: UnsafeMutablePointer<Float>, input: UnsafeMutablePointer<Float>
    ) {
        self.arena = arena
        self.parameters = parameters
        self.statistics = statistics
        self.input = input
    }

    func address(_ location: Location) -> UnsafeMutableRawPointer {
        switch location {
        case .arena(let buffer): arena + buffer.offset
        case .parameters(let offset): UnsafeMutableRawPointer(parameters + offset)
        case .statistics(let offset): UnsafeMutableRawPointer(statistics + offset)
        case .input: UnsafeMutableRawPointer(input)
        }
    }

    package func bytes(_ operand: Operand) -> UnsafeMutableRawPointer { address(operand.location) }

    /// Of an operand in float32.
    package func floats(_ operand: Operand) -> UnsafeMutablePointer<Float> {
        address(operand.location).assumingMemoryBound(to: Float.self)
    }
}
