/// The end of a graph: the pass's loss (``RunContext/loss``) of the class scores, summed over the samples, and how many
/// samples have their highest score where their target has it.
struct ScoreLoss {
    let logits: Value
    let classCount: Int

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let (batch, classes) = (builder.batch, classCount)
        let source = try builder.plainActivation("loss", logits, as: [batch, classes], .float32)
        let gradient = builder.kind.hasBackward ? builder.allocate(source.layout) : nil
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
        let targets = LossTargets(
            classCount: classCount, label: context.labels.map { Int($0[sample]) } ?? -1,
            secondLabel: context.mixed.map { Int($0.labels[sample]) } ?? -1,
            weight: context.mixed.map { Double($0.weights[sample]) } ?? 1,
            distribution: context.softTargets.map { $0 + sample * classCount },
            smoothing: Double(context.labelSmoothing))
        context.lossSum += context.loss.evaluate(
            scores, targets, scale: Double(context.gradientScale), gradient: gradient)
        var best = 0
        for index in 1..<max(classCount, 1) where scores[index] > scores[best] { best = index }
        if best == targets.best { context.correct += 1 }
    }
}
