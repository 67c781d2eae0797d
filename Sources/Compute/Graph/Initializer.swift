import Vectors

/// The distribution from which a parameter starts.
package enum Initializer: Sendable, Equatable {
    case constant(Float)
    /// Normal with mean 0 and this standard deviation.
    case normal(Float)
    /// Normal cut off at two standard deviations' distance ±2 in absolute terms, as timm's `trunc_normal_`.
    case truncatedNormal(Float)
    /// Uniform on ±bound.
    case uniform(Float)

    /// He et al. 2015, equation 14: normal with variance 2 / fan.
    package static func kaimingNormal(fan: Int) -> Initializer { .normal((2 / Float(fan)).squareRoot()) }

    /// Glorot and Bengio 2010, equation 16: uniform on ±√(6 / (fanIn + fanOut)).
    package static func xavierUniform(fanIn: Int, fanOut: Int) -> Initializer {
        .uniform((6 / Float(fanIn + fanOut)).squareRoot())
    }

    func fill(_ values: UnsafeMutableBufferPointer<Float>, from stream: inout RandomStream) {
        for index in values.indices {
            values[index] =
                switch self {
                case .constant(let value): value
                case .normal(let deviation): stream.normal() * deviation
                case .truncatedNormal(let deviation): Self.truncated(deviation, &stream)
                case .uniform(let bound): (2 * stream.uniform() - 1) * bound
                }
        }
    }

    private static func truncated(_ deviation: Float, _ stream: inout RandomStream) -> Float {
        while true {
            let value = stream.normal() * deviation
            if abs(value) <= 2 { return value }
        }
    }
}

extension Graph {
    /// Starting weights: a function of the seed and the parameter's place alone. Statistics: means 0, variances 1.
    ///
    /// - Parameters:
    ///   - part: of `parts` that share the work: the others' tensors become 0, so that the parts' sum is all weights.
    package func initialize(
        weights: FlatVector, statistics: FlatVector, seed: UInt64, part: Int = 0, of parts: Int = 1
    ) {
        precondition(weights.count == parameterLayout.vectorCount && statistics.count == statisticsLayout.vectorCount)
        // Each goes to whoever has least so far, the largest first.
        var loads = [Int](repeating: 0, count: parts)
        for (index, parameter) in parameters.enumerated().sorted(by: { $0.1.entry.count > $1.1.entry.count }) {
            let owner = loads.indices.min { loads[$0] < loads[$1] } ?? 0
            loads[owner] += parameter.entry.count
            guard owner == part else {
                weights.slice(parameter.entry.range).fill(0)
                continue
            }
            initialize(index, weights, seed: seed)
        }
        for entry in statisticsLayout.entries {
            statistics.slice(entry.range).fill(entry.name.hasSuffix("running_var") ? 1 : 0)
        }
    }

    /// Gives the head, ``headNames``, the weights that it has in ``initialize(weights:statistics:seed:part:of:)``.
    package func initializeHead(weights: FlatVector, seed: UInt64) {
        let names = headNames
        for index in parameters.indices where names.contains(parameters[index].entry.name) {
            initialize(index, weights, seed: seed)
        }
    }

    private func initialize(_ index: Int, _ weights: FlatVector, seed: UInt64) {
        var stream = RandomStream(seed: seed, purpose: .initialWeights, index: index)
        let parameter = parameters[index]
        parameter.entry.setValues(in: weights) { parameter.initializer.fill($0.elements, from: &stream) }
    }
}
