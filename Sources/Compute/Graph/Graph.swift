import Vectors

/// The result of a layer, by its place in the graph.
package struct Value: Hashable, Sendable {
    let index: Int
}

/// A tensor of the model: its published name and shape, and how it begins.
package struct Parameter: Sendable {
    package let entry: TensorLayout.Entry
    package let initializer: Initializer
}

/// A model as a static list of layers, from pixels to logits to loss.
///
/// Each layer's method infers the shape of its result (without the batch) and declares its parameters under their
/// published names; nothing is computed. Shapes are `[channels, height, width]`, `[tokens, width]` or `[features]`.
/// Wrong shapes trap: only a model's definition can cause them.
package final class Graph {
    package private(set) var operations: [any Operation] = []
    private var shapes: [[Int]] = []
    package private(set) var parameters: [Parameter] = []
    /// Parameters that were declared before each operation's value was appended, and its own.
    private var parameterCounts = [0]
    package private(set) var parameterLayout = TensorLayout()
    /// Running means and variances of BatchNorm.
    package private(set) var statisticsLayout = TensorLayout()
    package let inputShape: [Int]
    package let input = Value(index: 0)
    /// The class scores; set by ``setLogits(_:)``.
    package private(set) var logits: Value?

    /// - Parameter inputShape: channels, height, width of a sample.
    package init(inputShape: [Int]) {
        precondition(inputShape.count == 3, "input is channels, height, width")
        self.inputShape = inputShape
        shapes.append(inputShape)
    }

    package var inputValue: Value { input }

    package func shape(_ value: Value) -> [Int] { shapes[value.index] }

    /// Number of classes.
    package var classCount: Int { logits.map { shape($0)[0] } ?? 0 }

    /// The parameters of the layer that computes the logits, which depend on the number of classes.
    package var headNames: Set<String> {
        guard let index = logits?.index else { return [] }
        return Set(parameters[parameterCounts[index - 1]..<parameterCounts[index]].map(\.entry.name))
    }

    /// Multiply-adds of one sample's forward pass, in convolutions and matrix products.
    package var multiplyAdds: Int { operations.reduce(0) { $0 + $1.multiplyAdds } }

    /// Floating-point operations of one sample's forward and backward pass, in the same: two for each multiply-add of
    /// the result, of the weights' gradient and, except for the pixels, of the input's.
    package var gradientOperations: Int {
        let reached = valuesBehindParameters()
        return operations.reduce(0) { sum, operation in
            sum + operation.multiplyAdds * (operation.inputs.contains(where: reached.contains) ? 6 : 4)
        }
    }

    /// Pixels of a sample over which BatchNorm takes its smallest statistic; nil for a model without it.
    package var pixelsPerStatistic: Int? { operations.compactMap(\.pixelsPerStatistic).min() }

    package func setLogits(_ value: Value) {
        precondition(shape(value).count == 1, "logits are one vector a sample")
        logits = value
    }

    // MARK: For layers

    package func append(_ shape: [Int], _ make: (Value) -> any Operation) -> Value {
        let value = Value(index: shapes.count)
        shapes.append(shape)
        operations.append(make(value))
        parameterCounts.append(parameters.count)
        return value
    }

    package func parameter(
        _ name: String, _ shape: [Int], _ initializer: Initializer, order: TensorLayout.Order = .rowMajor
    ) -> TensorLayout.Entry {
        let entry = parameterLayout.append(name, shape: shape, order: order)
        parameters.append(Parameter(entry: entry, initializer: initializer))
        return entry
    }

    package func statistic(_ name: String, _ shape: [Int]) -> TensorLayout.Entry {
        statisticsLayout.append(name, shape: shape)
    }

    // MARK: Planning

    /// Creates every primitive and places every buffer for one batch size.
    package func program(
        engine: Engine, batch: Int, _ kind: ProgramKind, policy: ConvolutionPolicy, precision: Precision = .float32
    ) throws -> Program {
        try Program(planned(engine: engine, batch: batch, kind, policy: policy, precision: precision))
    }

    /// The instructions and buffers of one batch size. No memory is taken and no kernel compiled.
    func planned(
        engine: Engine, batch: Int, _ kind: ProgramKind, policy: ConvolutionPolicy, precision: Precision
    ) throws -> PlanBuilder {
        guard let logits else { preconditionFailure("a graph needs logits") }
        let builder = PlanBuilder(
            engine: engine, batch: batch, kind: kind, convolutionPolicy: policy, precision: precision,
            gradientCount: parameterLayout.vectorCount, needsGradient: valuesBehindParameters())
        choosePrecisions(builder, logits)
        builder.setActivation(input, Operand(layout: try .plain([batch] + inputShape), location: .input))
        var backward: [() throws -> Void] = []
        for operation in operations { backward.append(try operation.plan(builder)) }
        let loss = ScoreLoss(logits: logits, classCount: classCount)
        let lossBackward = try loss.plan(builder)
        builder.endForward()
        if kind.hasBackward {
            try lossBackward()
            for emit in backward.reversed() { try emit() }
            checkGradients(builder)
        }
        builder.end()
        return builder
    }

    /// Every parameter has one gradient, whole or in parts, and an instruction that computes each: without it G would
    /// lack a part, or hold what an earlier step left there.
    private func checkGradients(_ builder: PlanBuilder) {
        var gradients = builder.parameterGradients.sorted { $0.entries.lowerBound > $1.entries.lowerBound }
        for entry in parameterLayout.entries {
            var computed = entry.range.lowerBound
            while computed < entry.range.upperBound, let next = gradients.last, next.entries.lowerBound == computed,
                next.buffer.lastUse >= builder.forwardCount
            {
                computed = gradients.removeLast().entries.upperBound
            }
            precondition(computed == entry.range.upperBound, "no operation computes all of \(entry.name)'s gradient")
        }
        precondition(gradients.isEmpty, "two operations compute one gradient")
    }

    /// The loss reads logits in float32. In a program of bfloat16 other values too are kept in float32 that an
    /// operation reads in it (Winograd's), and so are those from which they come element by element: copies would take
    /// longer.
    private func choosePrecisions(_ builder: PlanBuilder, _ logits: Value) {
        builder.keepInFloat32(logits)
        for operation in operations.reversed() where operation.operandPrecision(builder) == .float32 {
            operation.inputs.forEach(builder.keepInFloat32)
        }
    }

    /// Values that a parameter comes before: the others (the pixels) need no gradient.
    private func valuesBehindParameters() -> Set<Value> {
        var reached: Set<Value> = []
        for operation in operations where operation.hasParameters || operation.inputs.contains(where: reached.contains)
        {
            reached.insert(operation.output)
        }
        return reached
    }
}

/// A layer in a graph: it can be planned for any batch size, several times.
package protocol Operation {
    var inputs: [Value] { get }
    var output: Value { get }
    var hasParameters: Bool { get }
    /// Of one sample's forward pass, in convolutions and matrix products.
    var multiplyAdds: Int { get }

    /// Values of one sample that enter each mean and variance taken over the batch; nil where none is.
    var pixelsPerStatistic: Int? { get }

    /// What its forward pass reads, once its result's precision is chosen.
    func operandPrecision(_ builder: PlanBuilder) -> Precision

    /// Emits the forward pass and returns what emits the backward pass, which is called where a program has one.
    func plan(_ builder: PlanBuilder) throws -> () throws -> Void
}

extension Operation {
    package var hasParameters: Bool { false }
    package var multiplyAdds: Int { 0 }
    package var pixelsPerStatistic: Int? { nil }
    package func operandPrecision(_ builder: PlanBuilder) -> Precision { builder.precision }
}
