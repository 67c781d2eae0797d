import Vectors

extension Graph {
    /// Zeros each element with probability `rate` and scales the others by 1/(1 − rate) (Srivastava et al. 2014), in
    /// training.
    ///
    /// The mask is a function of (seed, epoch, sample, layer): the same in the three passes of a step, on any rank.
    package func dropout(_ input: Value, _ name: String, rate: Float) -> Value {
        masking(input, name, rate: rate, wholeSample: false)
    }

    /// Stochastic depth (Huang et al. 2016), as timm's `DropPath`: zeros a residual branch for a whole sample with
    /// probability `rate`, else scales it by 1/(1 − rate), in training.
    package func stochasticDepth(_ input: Value, _ name: String, rate: Float) -> Value {
        masking(input, name, rate: rate, wholeSample: true)
    }

    private func masking(_ input: Value, _ name: String, rate: Float, wholeSample: Bool) -> Value {
        precondition(rate >= 0 && rate < 1, "\(name): a rate is at least 0 and below 1")
        guard rate > 0 else { return input }
        return append(shape(input)) {
            Masking(name: name, input: input, output: $0, rate: rate, wholeSample: wholeSample)
        }
    }
}

private struct Masking: Operation {
    let name: String
    let input: Value
    let output: Value
    let rate: Float
    let wholeSample: Bool

    var inputs: [Value] { [input] }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let source = builder.activation(input)
        guard builder.kind == .training else {
            builder.setActivation(output, source)
            return {
                guard let gradient = builder.gradient(of: output) else { return }
                try builder.contribute(name, to: input, gradient.operand, isShared: gradient.isShared)
            }
        }
        // Samples are outermost in every layout, so each is one range of memory.
        let batch = builder.batch
        let perSample = source.layout.byteCount / source.layout.precision.byteCount / batch
        let masksPerSample = wholeSample ? 1 : perSample
        let mask = try builder.allocate([batch * masksPerSample])
        let destination = builder.allocate(source.layout)
        let (rate, layer) = (rate, output.index)
        builder.kernel("\(name) forward", kind: "dropout", touching: [source, mask, destination]) { context in
            let masks = context.floats(mask)
            let kept = 1 / (1 - rate)
            for sample in 0..<batch {
                let identity = context.sampleIndices.map { $0[sample] } ?? sample
                var stream = RandomStream(
                    seed: context.seed, purpose: .dropout, epoch: context.epoch, index: identity << 12 | layer)
                for element in sample * masksPerSample..<(sample + 1) * masksPerSample {
                    masks[element] = stream.uniform() < rate ? 0 : kept
                }
            }
            multiply(context, source, into: destination)
        }
        builder.setActivation(output, destination)
        return {
            guard let gradient = try builder.gradient(name, of: output, in: source.layout) else { return }
            let result = builder.allocate(source.layout)
            builder.kernel("\(name) backward", kind: "dropout", touching: [gradient, mask, result]) { context in
                multiply(context, gradient, into: result)
            }
            try builder.contribute(name, to: input, result)
        }

        func multiply(_ context: RunContext, _ x: Operand, into y: Operand) {
            Kernels.multiply(
                context.bytes(x), isBFloat16: x.layout.precision == .bfloat16, by: context.floats(mask),
                run: wholeSample ? perSample : 1, count: batch * perSample, into: context.bytes(y))
        }
    }
}
