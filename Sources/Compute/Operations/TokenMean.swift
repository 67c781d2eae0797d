import Vectors

extension Graph {
    /// The mean over the tokens of each sample: `[tokens, width]` to `[width]`.
    package func tokenMean(_ input: Value, _ name: String) -> Value {
        let shape = shape(input)
        precondition(shape.count == 2, "\(name): a mean over tokens reads tokens, not \(shape)")
        return append([shape[1]]) {
            TokenMean(name: name, input: input, output: $0, tokens: shape[0], width: shape[1])
        }
    }
}

private struct TokenMean: Operation {
    let name: String
    let input: Value
    let output: Value
    let tokens: Int
    let width: Int

    var inputs: [Value] { [input] }

    func plan(_ builder: PlanBuilder) throws -> () throws -> Void {
        let (batch, tokens, width) = (builder.batch, tokens, width)
        let natural = try builder.layout([batch, tokens, width])
        let mean = try builder.layout([batch, width])
        let isBFloat16 = builder.precision == .bfloat16
        let source = try builder.plainActivation(name, input, as: [batch, tokens, width])
        // Summed in float32.
        let sums = try builder.allocate([batch, width])
        builder.kernel("\(name) forward", kind: "tokens", touching: [source, sums]) { context in
            let (from, to) = (context.bytes(source), context.floats(sums))
            for sample in 0..<batch {
                Kernels.columnSums(
                    of: from + sample * natural.byteCount / batch, isBFloat16: isBFloat16, rows: tokens,
                    columns: width, into: to + sample * width)
            }
            Self.divide(to, isBFloat16: false, by: tokens, count: batch * width, into: to)
        }
        builder.setActivation(output, try builder.inPrecision(name, sums, builder.precision(of: output)))
        return {
            guard let gradient = try builder.gradient(name, of: output, in: mean) else { return }
            let (share, result) = (builder.allocate(mean), builder.allocate(natural))
            builder.kernel("\(name) backward", kind: "tokens", touching: [gradient, share, result]) { context in
                let (part, to) = (context.bytes(share), context.bytes(result))
                Self.divide(
                    context.bytes(gradient), isBFloat16: isBFloat16, by: tokens, count: batch * width, into: part)
                let rowBytes = mean.byteCount / batch
                for token in 0..<batch * tokens {
                    (to + token * rowBytes).copyMemory(from: part + token / tokens * rowBytes, byteCount: rowBytes)
                }
            }
            try builder.contribute(name, to: input, result)
        }
    }

    private static func divide(
        _ x: UnsafeRawPointer, isBFloat16: Bool, by divisor: Int, count: Int, into y: UnsafeMutableRawPointer
    ) {
        withUnsafePointer(to: 1 / Float(divisor)) {
            Kernels.multiply(x, isBFloat16: isBFloat16, by: $0, run: count, count: count, into: y)
        }
    }
}
