/// Why curvature could not be measured.
package struct ProbeError: Error, Equatable, Sendable, CustomStringConvertible {
    package let text: String
    package let remedy: String

    package var description: String { "\(text): \(remedy)" }

    /// A loss, norm or product that is infinite or not a number.
    static func notFinite(_ what: String) -> ProbeError {
        ProbeError(
            text: "\(what) is not finite or too large to be added up",
            remedy: "the weights are damaged, or the training that made them diverged")
    }

    /// The point is flat to the last digit.
    static let flat = ProbeError(
        text: "the loss does not change along the probe, or the gradient is zero",
        remedy: "nothing can be measured where weights do not reach the loss")
}
