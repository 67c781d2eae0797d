import Vectors

/// A range of the parameter vector that is updated with a weight decay and a learning rate of its own.
package struct ParameterGroup: Sendable, Equatable {
    /// Of the flat vector, padding included.
    package var range: Range<Int>
    /// λ, finite and at least 0.
    package var weightDecay: Double
    /// Factor on the learning rate, finite and at least 0.
    package var rateScale: Double

    package init(_ range: Range<Int>, weightDecay: Double, rateScale: Double = 1) {
        self.range = range
        self.weightDecay = weightDecay
        self.rateScale = rateScale
    }

    /// The fewest groups in which each tensor has what `options` gives it, by its place in the layout; one for each
    /// tensor where they are not to be `merged`.
    package static func groups(
        _ layout: TensorLayout, merged: Bool = true,
        _ options: (_ index: Int, TensorLayout.Entry) -> (weightDecay: Double, rateScale: Double)
    ) -> [ParameterGroup] {
        var groups: [ParameterGroup] = []
        for (index, entry) in layout.entries.enumerated() {
            let (weightDecay, rateScale) = options(index, entry)
            if merged, let last = groups.last, last.weightDecay == weightDecay, last.rateScale == rateScale {
                // With the padding in between, which is zero and stays so.
                groups[groups.count - 1].range = last.range.lowerBound..<entry.range.upperBound
            } else {
                groups.append(ParameterGroup(entry.range, weightDecay: weightDecay, rateScale: rateScale))
            }
        }
        return groups
    }

    /// Throws where a decay or a rate is out of range; traps on groups out of order.
    package static func validate(_ groups: [ParameterGroup], count: Int) throws(OptimizerError) {
        var end = 0
        for group in groups {
            precondition(group.range.lowerBound >= end && group.range.upperBound <= count, "groups overlap")
            end = group.range.upperBound
            try OptimizerError.require("weight decay", group.weightDecay, in: 0...)
            try OptimizerError.require("a group's rate", group.rateScale, in: 0...)
        }
    }
}
