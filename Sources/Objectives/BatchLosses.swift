/// The batch's losses at w, w + ε and w − ε, as weighted sums that become means once every share is added.
package struct BatchLosses: Sendable, Equatable {
    package var clean: Double
    package var ascent: Double
    package var descent: Double

    package init(clean: Double = 0, ascent: Double = 0, descent: Double = 0) {
        self.clean = clean
        self.ascent = ascent
        self.descent = descent
    }

    /// L⁺ + L⁻ − 2L⁰
    package var secondDifference: Double { ascent + descent - 2 * clean }
    /// L⁺ − L⁻
    package var firstDifference: Double { ascent - descent }

    /// (L⁺ + L⁻ − 2L⁰)/ρ²: the curvature along ε.
    package func curvature(radius: Double) -> Double { secondDifference / (radius * radius) }
    /// (L⁺ − L⁻)/(2ρ): the slope along ε.
    package func slope(radius: Double) -> Double { firstDifference / (2 * radius) }
}
