import COneDNN
import Vectors

extension Graph {
    /// y = γ(x − μ)/√(σ² + e) + β per channel over batch and pixels (Ioffe and Szegedy 2015, algorithm 1), as
    /// PyTorch's `BatchNorm2d`; with `relu`, max(y, 0) in the same pass.
    ///
    /// Parameters `name.weight` (γ, from 1) and `name.bias` (β, from 0), statistics `name.running_mean` and
    /// `name.running_var`. Training uses the batch's own mean and (biased) variance and updates the running ones by
    /// `momentum`, the variance unbiased; inference uses the running ones.
    package func batchNormalization(
        _ input: Value, _ name: String, relu: Bool = false, epsilon: Float = 1e-5, momentum: Float = 0.1,
        initialScale: Float = 1
    ) -> Value {
        let shape = shape(input)
        precondition(shape.count == 3, "\(name): BatchNorm reads an image, not \(shape)")
        let scale = parameter("\(name).weight", [shape[0]], .constant(initialScale))
        let shift = parameter("\(name).bias", [shape[0]], .constant(0))
        let mean = statistic("\(name).running_mean", [shape[0]])
        let variance = statistic("\(name).running_var", [shape[0]])
        return append(shape) {
            BatchNormalization(
                name: name, input: input, output: $0, shape: shape, relu: relu, epsilon: epsilon, momentum: momentum,
                scale: scale, shift: shift, runningMean: mean, runningVariance: variance)
        }
    }
}

private struct BatchNormalization: Operation {
    let name: String
    let input: Value
    let output: Value
    let shape: [Int]
    let relu: Bool
    let epsilon: Float
    let momentum: Float
    let scale: TensorLayout.Entry
    let shift: TensorLayout.Entry
    let runningMean: TensorLayout.Entry
    let runningVariance: TensorLayout.Entry

    var inputs: [Value] { [input] }
    var hasParameters: Bool { true }
    var pixelsPerStatistic: Int? { shape[1] * shape[2] }

    /// Results of 384 KiB a sample and more, as ImageNet's networks have in their first stages, are not kept for the
    /// backward pass but computed again: in those networks they need most memory (`docs/decisions/Compute.md`).
    private var isLarge: Bool { shape.reduce(1, *) >= 3 << 15 }

    func operandPrecision(_ builder: PlanBuilder) -> Precision { builder.precision(of: output) }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let given = try builder.inPrecision(name, builder.activation(input), builder.precision(of: output))
        let channels = try DataLayout.plain([shape[0]])
        let (forward, fusesReLU, layout) = try fastForward(builder, given.layout)
        let source = try builder.reordered(name, given, to: layout)
        let destination = builder.allocate(source.layout)
        let scaleOperand = Operand(layout: channels, location: .parameters(scale.offset))
        let shiftOperand = Operand(layout: channels, location: .parameters(shift.offset))
        let mean = statistic(builder, channels, runningMean)
        let variance = statistic(builder, channels, runningVariance)
        let workspace = try builder.allocateWorkspace(of: forward)
        let common = [
            (DNNL_ARG_SRC, source), (DNNL_ARG_SCALE, scaleOperand), (DNNL_ARG_SHIFT, shiftOperand),
            (DNNL_ARG_MEAN, mean), (DNNL_ARG_VARIANCE, variance),
        ]
        try builder.call(
            "\(name) forward", forward,
            common + [(DNNL_ARG_DST, destination)] + (workspace.map { [(DNNL_ARG_WORKSPACE, $0)] } ?? []))
        var kink: Kink?
        if relu && !fusesReLU { kink = try emitReLU(builder, "\(name) ReLU", destination) }
        // With the batch's statistics as they stand, as in inference with the running ones.
        func computeAgain() throws -> Operand {
            let again = try self.forward(builder, source.layout, relu: fusesReLU, training: false)
            let result = builder.allocate(source.layout)
            try builder.call("\(name) again", again, common + [(DNNL_ARG_DST, result)])
            if relu && !fusesReLU { _ = try emitReLU(builder, "\(name) ReLU again", result) }
            return result
        }
        builder.setActivation(output, destination, computedAgainBy: isLarge ? computeAgain : nil)
        if builder.kind.usesBatchStatistics { moveRunningStatistics(builder, mean, variance) }

        return {
            if relu && !fusesReLU {
                let result = try builder.inBackward(destination, output)
                try emitReLUBackward(builder, name, result: result, kink, output: output) { try backward($0, false) }
            } else if let gradient = try builder.gradient(name, of: output, in: destination.layout) {
                try backward(gradient, builder.gradient(of: output)?.isShared ?? true)
            }
        }

        func backward(_ gradient: Operand, _ isShared: Bool) throws {
            let backward = try Primitive("\(name) backward") {
                cdnn_batch_normalization_backward(
                    &$0, builder.engine.handle, builder.kind.usesBatchStatistics ? 1 : 0, fusesReLU ? 1 : 0,
                    gradient.layout.handle, source.layout.handle, epsilon, forward.descriptor)
            }
            let result = builder.target(over: (gradient, isShared), layout: source.layout)
            var arguments = [
                (DNNL_ARG_SRC, source), (DNNL_ARG_DIFF_DST, gradient), (DNNL_ARG_MEAN, mean),
                (DNNL_ARG_VARIANCE, variance), (DNNL_ARG_SCALE, scaleOperand), (DNNL_ARG_DIFF_SRC, result),
                (DNNL_ARG_DIFF_SCALE, try builder.parameterGradient(channels.dimensions, at: scale.offset)),
                (DNNL_ARG_DIFF_SHIFT, try builder.parameterGradient(channels.dimensions, at: shift.offset)),
            ]
            if cdnn_normalization_backward_takes_shift() != 0 { arguments.append((DNNL_ARG_SHIFT, shiftOperand)) }
            if let workspace { arguments.append((DNNL_ARG_WORKSPACE, workspace)) }
            try builder.call("\(name) backward", backward, arguments)
            try builder.contribute(name, to: input, result)
        }
    }

    /// Of the batch, or as it is running.
    private func statistic(
        _ builder: PlanBuilder, _ channels: DataLayout, _ running: TensorLayout.Entry
    ) -> Operand {
        builder.kind.usesBatchStatistics
            ? builder.allocate(channels) : Operand(layout: channels, location: .statistics(running.offset))
    }

    /// With ReLU in it where that is wanted, on pixels in the given order, and no reference kernel. From AVX2 on oneDNN
    /// has kernels for both at once and for any number of channels; below some need the ReLU apart or, where channels
    /// do not fill the order's blocks, row-major pixels. A probing program has it apart, as a kink.
    private func fastForward(
        _ builder: PlanBuilder, _ given: DataLayout
    ) throws -> (primitive: Primitive, fusesReLU: Bool, layout: DataLayout) {
        let fused = relu && builder.kind != .probing
        let first = try forward(builder, given, relu: fused)
        guard first.isReference else { return (first, fused, given) }
        for layout in [given, try .plain(given.dimensions, given.precision)] {
            let alone = try forward(builder, layout, relu: false)
            if !alone.isReference { return (alone, false, layout) }
        }
        return (first, fused, given)
    }

    /// - Parameter training: nil for the program's.
    private func forward(
        _ builder: PlanBuilder, _ layout: DataLayout, relu: Bool, training: Bool? = nil
    ) throws -> Primitive {
        try Primitive("\(name) forward") {
            cdnn_batch_normalization_forward(
                &$0, builder.engine.handle, training ?? builder.kind.usesBatchStatistics ? 1 : 0, relu ? 1 : 0,
                layout.handle, epsilon)
        }
    }

    /// running ← (1 − momentum)·running + momentum·batch, in the passes that are asked to.
    private func moveRunningStatistics(_ builder: PlanBuilder, _ mean: Operand, _ variance: Operand) {
        let count = builder.batch * shape[1] * shape[2]
        let unbiased = count > 1 ? Float(count) / Float(count - 1) : 1
        let (keep, momentum, channels) = (1 - momentum, momentum, shape[0])
        let (meanOffset, varianceOffset) = (runningMean.offset, runningVariance.offset)
        builder.kernel("\(name) running statistics", kind: "BatchNorm running statistics", touching: [mean, variance]) {
            context in
            guard context.updatesStatistics else { return }
            let (batchMean, batchVariance) = (context.floats(mean), context.floats(variance))
            let runningMean = context.statistics + meanOffset
            let runningVariance = context.statistics + varianceOffset
            for channel in 0..<channels {
                runningMean[channel] = keep * runningMean[channel] + momentum * batchMean[channel]
                runningVariance[channel] =
                    keep * runningVariance[channel] + momentum * (batchVariance[channel] * unbiased)
            }
        }
    }
}
