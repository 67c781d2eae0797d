import Glibc

/// Softmax cross-entropy: −Σ_c t_c·log softmax(z)_c; ∂/∂z_c = softmax(z)_c·Σ t − t_c.
package struct CrossEntropy: Loss {
    package init() {}

    package func evaluate(
        _ scores: UnsafePointer<Float>, _ targets: LossTargets, scale: Double, gradient: UnsafeMutablePointer<Float>?
    ) -> Double {
        let classes = targets.classCount
        var best = 0
        for index in 1..<max(classes, 1) where scores[index] > scores[best] { best = index }
        let top = Double(scores[best])
        var sum = 0.0
        for index in 0..<classes { sum += exp(Double(scores[index]) - top) }
        let logSum = top + log(sum)

        var loss = 0.0
        var targetSum = 0.0
        for index in 0..<classes {
            let target = targets[index]
            if target != 0 { loss += target * (logSum - Double(scores[index])) }
            targetSum += target
        }
        guard let gradient else { return loss }
        for index in 0..<classes {
            gradient[index] = Float(scale * (exp(Double(scores[index]) - logSum) * targetSum - targets[index]))
        }
        return loss
    }
}
