/// The perturbation's radius ρ of every step.
package enum RadiusSchedule: String, Sendable, CaseIterable {
    case constant
    /// In proportion to the learning rate η, as GSAM has it (Zhuang et al., ICLR 2022, section 4.1):
    /// ρ_t = ρ_min + (ρ − ρ_min)·η_t/η_max. So it rises with the warm-up and falls with the decay.
    case learningRate = "learning-rate"

    /// Of ρ: below, differences of losses would be rounding alone.
    package static let leastShare = 1e-3

    /// - Parameters:
    ///   - radius: ρ, the largest.
    ///   - minimum: ρ_min.
    ///   - share: η_t/η_max.
    package func radius(_ radius: Double, minimum: Double, share: Double) -> Double {
        switch self {
        case .constant: radius
        case .learningRate: max(minimum + (radius - minimum) * share, radius * Self.leastShare)
        }
    }
}
