/// Why a rule, an optimizer or a schedule cannot be made or restored. Each describes itself in one line.
package enum OptimizerError: Error, Equatable, CustomStringConvertible {
    /// A hyperparameter outside its range.
    case outOfRange(parameter: String, value: Double, allowed: String)
    case nesterovWithoutMomentum
    case missingState(name: String)
    case unexpectedState(name: String)
    case wrongStateLength(name: String, expected: Int, found: Int)
    case negativeStepCount(Int)

    package var description: String {
        switch self {
        case .outOfRange(let parameter, let value, let allowed):
            "\(parameter) is \(value): it must be \(allowed)"
        case .nesterovWithoutMomentum:
            "Nesterov's update needs a momentum above 0: set momentum (0.9 is usual) or leave nesterov off"
        case .missingState(let name):
            "the saved optimizer state lacks \(name): resume with the optimizer that the checkpoint was written with"
        case .unexpectedState(let name):
            "the saved optimizer state holds \(name), which this optimizer does not use: "
                + "resume with the optimizer that the checkpoint was written with"
        case .wrongStateLength(let name, let expected, let found):
            "the saved optimizer state \(name) has \(found) values, not \(expected): "
                + "resume with the model that the checkpoint was written with"
        case .negativeStepCount(let count):
            "the saved optimizer state has \(count) steps behind it: the checkpoint is damaged, use an earlier one"
        }
    }

    /// Throws unless `value` is finite and in `range`.
    package static func require(_ parameter: String, _ value: Double, in range: PartialRangeFrom<Double>)
        throws(OptimizerError)
    {
        guard value.isFinite, range.contains(value) else {
            throw .outOfRange(parameter: parameter, value: value, allowed: "finite and at least \(range.lowerBound)")
        }
    }

    /// Throws unless `value` is in `range`; a value that is not finite never is.
    package static func require(_ parameter: String, _ value: Double, in range: Range<Double>) throws(OptimizerError) {
        guard range.contains(value) else {
            throw .outOfRange(
                parameter: parameter, value: value,
                allowed: "at least \(range.lowerBound) and below \(range.upperBound)")
        }
    }

    /// Throws unless `value` is finite, positive, and stays so when it is rounded to Float.
    package static func requirePositive(_ parameter: String, _ value: Double) throws(OptimizerError) {
        guard Float(value).isFinite, Float(value) > 0 else {
            throw .outOfRange(parameter: parameter, value: value, allowed: "finite and above 0 in single precision")
        }
    }
}
