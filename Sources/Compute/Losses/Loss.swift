/// A loss of a sample's class scores, and its gradient.
package protocol Loss: Sendable {
    /// The loss of one sample, as training sums it. In Double: the second difference of three losses needs what float32
    /// would round away.
    ///
    /// - Parameters:
    ///   - scores: z, one a class.
    ///   - gradient: takes scale·∂loss/∂z, if given.
    func evaluate(
        _ scores: UnsafePointer<Float>, _ targets: LossTargets, scale: Double, gradient: UnsafeMutablePointer<Float>?
    ) -> Double
}

/// What a sample's scores ought to show: its label, a mix of two labels, or a distribution over the classes, smoothed.
///
/// A mix (MixUp, CutMix) of labels a and b is t = λ·1_a + (1 − λ)·1_b.
/// Label smoothing s (Szegedy et al. 2016, section 7) makes t ← (1 − s)·t + s/classes, as PyTorch's
/// `CrossEntropyLoss` and timm's `BinaryCrossEntropy`.
package struct LossTargets {
    package let classCount: Int
    /// −1 for none.
    let label: Int
    /// −1 for none.
    let secondLabel: Int
    /// Takes the label's place, if there is one.
    let distribution: UnsafePointer<Float>?
    let smoothing: Double
    private let weight: Double
    private let secondWeight: Double
    private let spread: Double

    /// - Parameter weight: λ, the first label's part of a mix.
    package init(
        classCount: Int, label: Int, secondLabel: Int = -1, weight: Double = 1,
        distribution: UnsafePointer<Float>? = nil, smoothing: Double = 0
    ) {
        self.classCount = classCount
        self.label = label
        self.secondLabel = secondLabel
        self.weight = secondLabel < 0 ? 1 : weight
        secondWeight = 1 - self.weight
        self.distribution = distribution
        self.smoothing = smoothing
        spread = smoothing / Double(classCount)
    }

    /// t of a class, at least 0.
    package subscript(index: Int) -> Double {
        (1 - smoothing) * hard(index) + spread
    }

    /// t before smoothing.
    func hard(_ index: Int) -> Double {
        if let distribution { return Double(distribution[index]) }
        return (index == label ? weight : 0) + (index == secondLabel ? secondWeight : 0)
    }

    /// The class that a right prediction has the highest score for: of a mix the larger part's, the first of halves.
    package var best: Int {
        guard let distribution else { return secondWeight > weight ? secondLabel : label }
        var best = label
        for index in 0..<classCount where best < 0 || distribution[index] > distribution[best] { best = index }
        return best
    }
}
