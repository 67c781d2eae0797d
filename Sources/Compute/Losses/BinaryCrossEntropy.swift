import Glibc

/// A yes or no for each class, averaged over the classes: (1/C)·Σ_c (softplus(z_c) − t_c·z_c);
/// ∂/∂z_c = (sigmoid(z_c) − t_c)/C.
///
/// PyTorch's `BCEWithLogitsLoss` with its default mean, as timm's `BinaryCrossEntropy` (Wightman et al. 2021, "ResNet
/// strikes back", section 2.1).
package struct BinaryCrossEntropy: Loss {
    /// Whether every class of a mix counts in full: t_c ← 1 where t_c > 0 before smoothing, and no smoothing is left.
    /// So DeiT III's `--bce-loss`, and ResNet strikes back; timm's `--bce-target-thresh`, whose threshold is of
    /// smoothed targets.
    package let isMultiLabel: Bool

    package init(isMultiLabel: Bool = false) { self.isMultiLabel = isMultiLabel }

    package func evaluate(
        _ scores: UnsafePointer<Float>, _ targets: LossTargets, scale: Double, gradient: UnsafeMutablePointer<Float>?
    ) -> Double {
        let share = 1 / Double(targets.classCount)
        var loss = 0.0
        for index in 0..<targets.classCount {
            let score = Double(scores[index])
            let target = isMultiLabel ? (targets.hard(index) > 0 ? 1 : 0) : targets[index]
            // exp never overflows, and no digits are lost between large terms.
            let small = exp(-abs(score))
            loss += max(score, 0) - target * score + log1p(small)
            let sigmoid = score < 0 ? small / (1 + small) : 1 / (1 + small)
            if let gradient { gradient[index] = Float(scale * share * (sigmoid - target)) }
        }
        return share * loss
    }
}
