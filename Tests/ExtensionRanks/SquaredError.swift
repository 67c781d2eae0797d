import Compute

extension LossEntry {
    static let squaredError = LossEntry("squared-error", SquaredError())
}

/// ½ Σ_c (z_c − t_c)²; ∂/∂z_c = z_c − t_c.
struct SquaredError: Loss {
    func evaluate(
        _ scores: UnsafePointer<Float>, _ targets: LossTargets, scale: Double, gradient: UnsafeMutablePointer<Float>?
    ) -> Double {
        var loss = 0.0
        for index in 0..<targets.classCount {
            let difference = Double(scores[index]) - targets[index]
            loss += difference * difference / 2
            gradient?[index] = Float(scale * difference)
        }
        return loss
    }
}
