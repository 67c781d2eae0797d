/// The batch's losses at w, w + ε and w − ε, as weighted sums that become means once every share is added.
public struct BatchLosses: Sendable, Equatable {
    public var clean: Double
    public var ascent: Double
    public var descent: Double

    public init(clean: Double = 0, ascent: Double = 0, descent: Double = 0) {
        self.clean = clean
        self.ascent = ascent
        self.descent = descent
    }

    /// L⁺ + L⁻ − 2L⁰
    public var secondDifference: Double { ascent + descent - 2 * clean }
    /// L⁺ − L⁻
    public var firstDifference: Double { ascent - descent }

    /// (L⁺ + L⁻ − 2L⁰)/ρ²: the curvature along ε.
    public func curvature(radius: Double) -> Double { secondDifference / (radius * radius) }
    /// (L⁺ − L⁻)/(2ρ): the slope along ε.
    public func slope(radius: Double) -> Double { firstDifference / (2 * radius) }
}
