import Glibc
import Vectors

/// The symmetric beta distribution on 0 ... 1: density ∝ (x·(1 − x))^(α−1), mean 1/2, variance 1/(4·(2α +
/// 1)).
///
/// In Double, up to α = 1 by Jöhnk's rejection (Jöhnk 1964) in logarithms, as a small α's powers underflow; above
/// it by Cheng's ("Generating beta variates with nonintegral shape parameters", 1978, algorithm BB).
package struct BetaDistribution: Sendable, Equatable {
    package let alpha: Double

    package init(alpha: Double) {
        precondition(alpha > 0 && alpha < 1e6, "a beta distribution with α = \(alpha)")
        // Far below it is a coin already.
        self.alpha = max(alpha, 1e-6)
    }

    package func draw(_ stream: inout RandomStream) -> Double {
        if alpha == 1 { return stream.openUnit() }
        return alpha < 1 ? rejectPowers(&stream) : rejectLogistic(&stream)
    }

    /// x = U^(1/α), y = V^(1/α), accepted where x + y ≤ 1: x/(x + y).
    private func rejectPowers(_ stream: inout RandomStream) -> Double {
        while true {
            let (x, y) = (log(stream.openUnit()) / alpha, log(stream.openUnit()) / alpha)
            let larger = max(x, y)
            let sum = larger + log(exp(x - larger) + exp(y - larger))
            if sum <= 0 { return exp(x - sum) }
        }
    }

    private func rejectLogistic(_ stream: inout RandomStream) -> Double {
        let sum = 2 * alpha
        let slope = ((sum - 2) / (2 * alpha * alpha - sum)).squareRoot()
        let scale = alpha + 1 / slope
        while true {
            let (first, second) = (stream.openUnit(), stream.openUnit())
            let logit = slope * log(first / (1 - first))
            let odds = alpha * exp(logit)
            let square = first * first * second
            let bound = scale * logit - log(4.0)
            if bound + sum * log(sum / (alpha + odds)) >= log(square) { return odds / (alpha + odds) }
        }
    }
}

extension RandomStream {
    /// Uniform on (0, 1), never either end: the middles of 2⁵² parts.
    fileprivate mutating func openUnit() -> Double { (Double(next() >> 12) + 0.5) * 0x1p-52 }
}
