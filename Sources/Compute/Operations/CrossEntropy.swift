import Glibc

/// Softmax cross-entropy: −Σ_c t_c·log softmax(z)_c, summed over the samples, with targets t from labels or given
/// whole.
///
/// Label smoothing s (Szegedy et al. 2016, section 7) makes t ← (1 − s)·t + s/classes, as PyTorch's `CrossEntropyLoss`.
/// Sums and logarithms are in Double: the second difference of three losses needs what float32 would round away.
struct CrossEntropy {
    let logits: Value
    let classCount: Int

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let (batch, classes) = (builder.batch, classCount)
        let source = try builder.plainActivation("loss", logits, as: [batch, classes], .float32)
        let gradient = builder.training ? builder.allocate(source.layout) : nil
        builder.kernel("loss", kind: "loss", touching: [source] + (gradient.map { [$0] } ?? [])) { context in
            let scores = context.floats(source)
            context.logits?.update(from: scores, count: batch * classes)
            let output = gradient.map { context.floats($0) }
            for sample in 0..<batch {
                evaluate(context, sample, scores + sample * classes, output.map { $0 + sample * classes })
            }
        }
        return {
            if let gradient { try builder.contribute("loss", to: logits, gradient) }
        }
    }

    private func evaluate(
        _ context: RunContext, _ sample: Int, _ scores: UnsafeMutablePointer<Float>,
        _ gradient: UnsafeMutablePointer<Float>?
    ) {
        let classes = classCount
        var best = 0
        for index in 1..<max(classes, 1) where scores[index] > scores[best] { best = index }
        let top = Double(scores[best])
        var sum = 0.0
        for index in 0..<classes { sum += exp(Double(scores[index]) - top) }
        let logSum = top + log(sum)

        let targets = context.softTargets.map { $0 + sample * classes }
        let label = context.labels.map { Int($0[sample]) } ?? -1
        let smoothing = Double(context.labelSmoothing)
        let spread = smoothing / Double(classes)
        var loss = 0.0
        var targetSum = 0.0
        var bestTarget = label
        for index in 0..<classes {
            let hard = targets.map { Double($0[index]) } ?? (index == label ? 1 : 0)
            let target = (1 - smoothing) * hard + spread
            if target != 0 { loss += target * (logSum - Double(scores[index])) }
            targetSum += target
            if let targets, bestTarget < 0 || targets[index] > targets[bestTarget] { bestTarget = index }
        }
        context.lossSum += loss
        if best == bestTarget { context.correct += 1 }

        guard let gradient else { return }
        let scale = Double(context.gradientScale)
        for index in 0..<classes {
            let hard = targets.map { Double($0[index]) } ?? (index == label ? 1 : 0)
            let target = (1 - smoothing) * hard + spread
            gradient[index] = Float(scale * (exp(Double(scores[index]) - logSum) * targetSum - target))
        }
    }
}
