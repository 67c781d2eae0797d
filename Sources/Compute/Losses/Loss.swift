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

/// What a sample's scores ought to show: its label, or a distribution over the classes, smoothed.
///
/// Label smoothing s (Szegedy et al. 2016, section 7) makes t ← (1 − s)·t + s/classes, as PyTorch's `CrossEntropyLoss`
/// and timm's `BinaryCrossEntropy`.
package struct LossTargets {
    package let classCount: Int
    /// −1 for none.
    let label: Int
    /// Takes the label's place, if there is one.
    let distribution: UnsafePointer<Float>?
    let smoothing: Double
    private let spread: Double

    package init(
        classCount: Int, label: Int, distribution: UnsafePointer<Float>? = nil, smoothing: Double = 0
    ) {
        self.classCount = classCount
        self.label = label
        self.distribution = distribution
        self.smoothing = smoothing
        spread = smoothing / Double(classCount)
    }

    /// t of a class, at least 0.
    package subscript(index: Int) -> Double {
        let hard = distribution.map { Double($0[index]) } ?? (index == label ? 1 : 0)
        return (1 - smoothing) * hard + spread
    }

    /// The class that a right prediction has the highest score for.
    package var best: Int {
        guard let distribution else { return label }
        var best = label
        for index in 0..<classCount where best < 0 || distribution[index] > distribution[best] { best = index }
        return best
    }
}
