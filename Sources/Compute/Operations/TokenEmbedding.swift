import COneDNN
import Glibc
import Vectors

/// How a transformer is told where a patch lies.
package enum TokenPositions: Sendable {
    /// A trained table, `pos_embed`.
    case learned
    /// A fixed table of sines and cosines of rows and columns; see ``sineCosineTable(rows:columns:width:)``.
    case sineCosine

    /// `[rows·columns, width]`, as big_vision's `posemb_sincos_2d` (Beyer, Zhai and Kolesnikov 2022) and MAE's: for
    /// the patch in row r and column c, with ω_i = 10000^(−i/(width/4 − 1)): sin(c·ω), cos(c·ω), sin(r·ω), cos(r·ω).
    ///
    /// - Parameter width: a multiple of 4, at least 8.
    package static func sineCosineTable(rows: Int, columns: Int, width: Int) -> [Float] {
        let quarter = width / 4
        precondition(width % 4 == 0 && quarter > 1, "positions of sines need a width of a multiple of 4, at least 8")
        let frequencies = (0..<quarter).map { exp(-log(10_000) * Double($0) / Double(quarter - 1)) }
        return (0..<rows * columns).flatMap { patch in
            let (row, column) = (Double(patch / columns), Double(patch % columns))
            return [(sin, column), (cos, column), (sin, row), (cos, row)].flatMap { wave, place in
                frequencies.map { Float(wave(place * $0)) }
            }
        }
    }
}

extension Graph {
    /// The start of a vision transformer (Dosovitskiy et al. 2021, equation 1): square patches through a linear map, a
    /// learned class token in front, positions added. `[C, H, W]` to `[1 + (H/patch)·(W/patch), width]`, without a
    /// class token one token less.
    ///
    /// Parameters as in timm: `cls_token` `[1, 1, width]`, `pos_embed` `[1, tokens, width]` where they are learned,
    /// `patch_embed.proj.weight` `[width, C, patch, patch]`, `patch_embed.proj.bias`.
    package func tokenEmbedding(
        _ input: Value, patch: Int, width: Int, classToken: Bool = true, positions: TokenPositions = .learned
    ) -> Value {
        let shape = shape(input)
        precondition(
            shape.count == 3 && shape[1] % patch == 0 && shape[2] % patch == 0,
            "patches of \(patch) do not tile an image of \(shape)")
        precondition(
            !classToken || positions == .learned, "a fixed table of positions has none for a class token")
        let (rows, columns) = (shape[1] / patch, shape[2] / patch)
        let first = classToken ? 1 : 0
        let classEntry = classToken ? parameter("cls_token", [1, 1, width], .normal(1e-6)) : nil
        let table: TokenEmbedding.Positions =
            switch positions {
            case .learned:
                .learned(parameter("pos_embed", [1, first + rows * columns, width], .truncatedNormal(0.02)))
            case .sineCosine:
                .fixed(TokenPositions.sineCosineTable(rows: rows, columns: columns, width: width))
            }
        let fanIn = shape[0] * patch * patch
        let weight = parameter(
            "patch_embed.proj.weight", [width, shape[0], patch, patch], .uniform(1 / Float(fanIn).squareRoot()))
        let bias = parameter("patch_embed.proj.bias", [width], .uniform(1 / Float(fanIn).squareRoot()))
        return append([first + rows * columns, width]) {
            TokenEmbedding(
                input: input, output: $0, inputShape: shape, patch: patch, patches: rows * columns, width: width,
                classToken: classEntry, positions: table,
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
    enum Positions {
        case learned(TensorLayout.Entry)
        case fixed([Float])
    }

    let input: Value
    let output: Value
    let inputShape: [Int]
    let patch: Int
    let patches: Int
    let width: Int
    /// Nil where there is none.
    let classToken: TensorLayout.Entry?
    let positions: Positions
    let projection: Projection

    var inputs: [Value] { [input] }
    var hasParameters: Bool { true }
    var multiplyAdds: Int { patches * projection.inputs * width }
    /// Tokens before the patches'.
    private var first: Int { classToken == nil ? 0 : 1 }
    private var tokens: Int { first + patches }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        precondition(!builder.needsGradient(input), "patches are cut from pixels, which have no gradient")
        let source = builder.activation(input)
        let cut = try cutPatches(builder, source)
        let embedded = builder.allocate(try .plain([builder.batch * patches, width]))
        _ = try projection.emitForward(builder, cut, embedded)
        // Positions are added in float32.
        let result = builder.allocate(try .plain([builder.batch, tokens, width]))
        emitSum(builder, embedded, result)
        builder.setActivation(output, try builder.inPrecision("tokens", result, builder.precision(of: output)))
        return {
            guard let gradient = try builder.gradient("tokens", of: output, in: result.layout) else { return }
            try emitTableGradients(builder, gradient)
            try projection.emitBackwardWeights(builder, cut, patchGradient(builder, gradient, embedded.layout))
        }
    }

    /// Class token and positions before and over the patches.
    private func emitSum(_ builder: PlanBuilder, _ embedded: Operand, _ result: Operand) {
        let (batch, first, width, tokens, patches) = (builder.batch, first, width, tokens, patches)
        let (classOffset, positions) = (classToken?.offset, positions)
        builder.kernel("tokens forward", kind: "tokens", touching: [embedded, result]) { context in
            let (from, to) = (context.floats(embedded), context.floats(result))
            func add(_ table: UnsafePointer<Float>) {
                for sample in 0..<batch {
                    let start = to + sample * tokens * width
                    if let classOffset {
                        Kernels.sum(of: context.parameters + classOffset, table, count: width, into: start)
                    }
                    Kernels.sum(
                        of: from + sample * patches * width, table + first * width, count: patches * width,
                        into: start + first * width)
                }
            }
            switch positions {
            case .learned(let entry): add(context.parameters + entry.offset)
            case .fixed(let table): table.withUnsafeBufferPointer { if let start = $0.baseAddress { add(start) } }
            }
        }
    }

    private func emitTableGradients(_ builder: PlanBuilder, _ gradient: Operand) throws {
        guard case .learned(let entry) = positions else { return }
        let (width, tokens) = (width, tokens)
        let sums = try builder.parameterGradient([tokens * width], at: entry.offset)
        emitColumnSums(
            builder, "positions gradient", gradient, sums, rows: builder.batch, columns: tokens * width)
        guard let classToken else { return }
        let classSums = try builder.parameterGradient([width], at: classToken.offset)
        builder.kernel("class token gradient", kind: "tokens", touching: [sums, classSums]) { context in
            // The class token stands where the first position does, in every sample.
            context.floats(classSums).update(from: context.floats(sums), count: width)
        }
    }

    /// The gradient of the patches' tokens alone.
    private func patchGradient(_ builder: PlanBuilder, _ gradient: Operand, _ layout: DataLayout) -> Operand {
        guard first > 0 else { return gradient.viewed(as: layout) }
        let (batch, first, width, tokens, patches) = (builder.batch, first, width, tokens, patches)
        let result = builder.allocate(layout)
        builder.kernel("tokens backward", kind: "tokens", touching: [gradient, result]) { context in
            let (from, to) = (context.floats(gradient), context.floats(result))
            for sample in 0..<batch {
                (to + sample * patches * width).update(
                    from: from + (sample * tokens + first) * width, count: patches * width)
            }
        }
        return result
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
