import COneDNN
import Vectors

extension Graph {
    /// The start of a vision transformer (Dosovitskiy et al. 2021, equation 1): square patches through a linear map, a
    /// learned class token in front, learned positions added. `[C, H, W]` to `[1 + (H/patch)·(W/patch), width]`.
    ///
    /// Parameters as in timm: `cls_token` `[1, 1, width]`, `pos_embed` `[1, tokens, width]`, `patch_embed.proj.weight`
    /// `[width, C, patch, patch]`, `patch_embed.proj.bias`.
    package func tokenEmbedding(_ input: Value, patch: Int, width: Int) -> Value {
        let shape = shape(input)
        precondition(
            shape.count == 3 && shape[1] % patch == 0 && shape[2] % patch == 0,
            "patches of \(patch) do not tile an image of \(shape)")
        let patches = (shape[1] / patch) * (shape[2] / patch)
        let classToken = parameter("cls_token", [1, 1, width], .normal(1e-6))
        let positions = parameter("pos_embed", [1, patches + 1, width], .truncatedNormal(0.02))
        let fanIn = shape[0] * patch * patch
        let weight = parameter(
            "patch_embed.proj.weight", [width, shape[0], patch, patch], .uniform(1 / Float(fanIn).squareRoot()))
        let bias = parameter("patch_embed.proj.bias", [width], .uniform(1 / Float(fanIn).squareRoot()))
        return append([patches + 1, width]) {
            TokenEmbedding(
                input: input, output: $0, inputShape: shape, patch: patch, patches: patches, width: width,
                classToken: classToken, positions: positions,
                projection: Projection(
                    name: "patch_embed.proj", inputs: fanIn, outputs: width, weightOffset: weight.offset,
                    biasOffset: bias.offset))
        }
    }

    /// One token of each sample: `[tokens, width]` to `[width]`.
    package func selectToken(_ input: Value, _ name: String, index: Int) -> Value {
        let shape = shape(input)
        precondition(shape.count == 2 && index < shape[0])
        return append([shape[1]]) {
            TokenSelection(name: name, input: input, output: $0, tokens: shape[0], width: shape[1], index: index)
        }
    }
}

private struct TokenEmbedding: Operation {
    let input: Value
    let output: Value
    let inputShape: [Int]
    let patch: Int
    let patches: Int
    let width: Int
    let classToken: TensorLayout.Entry
    let positions: TensorLayout.Entry
    let projection: Projection

    var inputs: [Value] { [input] }
    var hasParameters: Bool { true }
    var multiplyAdds: Int { patches * projection.inputs * width }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        precondition(!builder.needsGradient(input), "patches are cut from pixels, which have no gradient")
        let (batch, patches, width) = (builder.batch, patches, width)
        let source = builder.activation(input)
        let cut = try cutPatches(builder, source)
        let embedded = builder.allocate(try .plain([batch * patches, width]))
        _ = try projection.emitForward(builder, cut, embedded)

        // Positions are added in float32.
        let tokens = builder.allocate(try .plain([batch, patches + 1, width]))
        let (classOffset, positionOffset) = (classToken.offset, positions.offset)
        builder.kernel("tokens forward", kind: "tokens", touching: [embedded, tokens]) { context in
            let (from, to) = (context.floats(embedded), context.floats(tokens))
            let positions = context.parameters + positionOffset
            for sample in 0..<batch {
                let first = to + sample * (patches + 1) * width
                Kernels.sum(of: context.parameters + classOffset, positions, count: width, into: first)
                Kernels.sum(
                    of: from + sample * patches * width, positions + width, count: patches * width,
                    into: first + width)
            }
        }
        builder.setActivation(output, try builder.inPrecision("tokens", tokens, builder.precision(of: output)))

        return {
            guard let gradient = try builder.gradient("tokens", of: output, in: tokens.layout) else { return }
            let sums = try builder.parameterGradient([(patches + 1) * width], at: positionOffset)
            emitColumnSums(
                builder, "positions gradient", gradient, sums, rows: batch, columns: (patches + 1) * width)
            let embeddedGradient = builder.allocate(embedded.layout)
            let classSums = try builder.parameterGradient([width], at: classOffset)
            builder.kernel(
                "tokens backward", kind: "tokens", touching: [gradient, sums, classSums, embeddedGradient]
            ) { context in
                // The class token stands where the first position does, in every sample.
                context.floats(classSums).update(from: context.floats(sums), count: width)
                let (from, to) = (context.floats(gradient), context.floats(embeddedGradient))
                for sample in 0..<batch {
                    (to + sample * patches * width).update(
                        from: from + (sample * (patches + 1) + 1) * width, count: patches * width)
                }
            }
            try projection.emitBackwardWeights(builder, cut, embeddedGradient)
        }
    }

    /// Pixels as `[batch·patches, C·patch·patch]`, each row in the order of the weights.
    private func cutPatches(_ builder: PlanBuilder, _ source: Operand) throws -> Operand {
        let (channels, height, width) = (inputShape[0], inputShape[1] / patch, inputShape[2] / patch)
        let dimensions = [builder.batch, channels, height, patch, width, patch]
        let row = channels * patch * patch
        let byPatch = try builder.layout(
            dimensions, strides: [height * width * row, patch * patch, width * row, patch, row, 1])
        let cut = try builder.reordered(
            "patches", source.viewed(as: .plain(dimensions)), to: byPatch)
        return cut.viewed(as: try builder.layout([builder.batch * patches, row]))
    }
}

private struct TokenSelection: Operation {
    let name: String
    let input: Value
    let output: Value
    let tokens: Int
    let width: Int
    let index: Int

    var inputs: [Value] { [input] }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let (batch, tokens, width, index) = (builder.batch, tokens, width, index)
        let natural = try builder.layout([batch, tokens, width])
        let rowBytes = width * builder.precision.byteCount
        let source = try builder.plainActivation(name, input, as: [batch, tokens, width])
        let selected = builder.allocate(try builder.layout([batch, width]))
        builder.kernel("\(name) forward", kind: "tokens", touching: [source, selected]) { context in
            let (from, to) = (context.bytes(source), context.bytes(selected))
            for sample in 0..<batch {
                (to + sample * rowBytes).copyMemory(
                    from: from + (sample * tokens + index) * rowBytes, byteCount: rowBytes)
            }
        }
        builder.setActivation(output, selected)
        return {
            guard let gradient = try builder.gradient(name, of: output, in: selected.layout) else { return }
            let result = builder.allocate(natural)
            builder.kernel("\(name) backward", kind: "tokens", touching: [gradient, result]) { context in
                let (from, to) = (context.bytes(gradient), context.bytes(result))
                to.initializeMemory(as: UInt8.self, repeating: 0, count: batch * tokens * rowBytes)
                for sample in 0..<batch {
                    (to + (sample * tokens + index) * rowBytes).copyMemory(
                        from: from + sample * rowBytes, byteCount: rowBytes)
                }
            }
            try builder.contribute(name, to: input, result)
        }
    }
}
