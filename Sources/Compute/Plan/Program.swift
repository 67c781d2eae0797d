import COneDNN
import Objectives
import Vectors

/// A graph made ready for one batch size: every primitive created, every buffer placed.
///
/// A pass allocates nothing. Programs of several batch sizes share one arena, so only one runs at a time.
package final class Program {
    package let batch: Int
    package let hasBackward: Bool
    /// Bytes of arena that the program needs.
    package let arenaBytes: Int
    /// Bytes that ``Kinks`` of it have.
    package let kinkBytes: Int
    private let engine: Engine
    private let instructions: [Instruction]
    private let forwardCount: Int
    /// By instruction: the parameters whose gradients are complete once it has run.
    private let completed: [[ParameterGradient]]
    /// By instruction: entries of the gradient from here on have been accumulated once it has run. Never rises.
    private let finalFrom: [Int]
    private let bound: [BoundMemory]
    private var boundAddresses = Addresses()

    /// A memory object whose data is at `offset` floats (bytes in the arena) behind a base that may change between
    /// passes.
    private struct BoundMemory {
        let memory: dnnl_memory_t
        let location: Location
    }

    private struct Addresses: Equatable {
        var arena: UnsafeMutableRawPointer?
        var parameters: UnsafeMutablePointer<Float>?
        var statistics: UnsafeMutablePointer<Float>?
        var input: UnsafeMutablePointer<Float>?
    }

    init(_ builder: PlanBuilder) throws(DNNLError) {
        engine = builder.engine
        batch = builder.batch
        hasBackward = builder.kind.hasBackward
        kinkBytes = builder.kinkBytes
        instructions = builder.instructions
        forwardCount = builder.forwardCount
        (completed, finalFrom) = Self.order(of: builder.parameterGradients, over: builder)
        arenaBytes = MemoryPlan(placing: builder.buffers).byteCount
        var bound: [BoundMemory] = []
        for instruction in instructions {
            guard case .primitive(let primitive, let operands) = instruction.work else { continue }
            try primitive.compile()
            let arguments = UnsafeMutableBufferPointer<dnnl_exec_arg_t>.allocate(capacity: operands.count)
            arguments.initialize(repeating: dnnl_exec_arg_t())
            instruction.arguments = arguments
            for (position, entry) in operands.enumerated() {
                var memory: dnnl_memory_t?
                let status = cdnn_memory_create(&memory, entry.operand.layout.handle, engine.handle, nil)
                guard status == 0, let memory else {
                    throw DNNLError(status: status, call: "\(instruction.label): create a memory object")
                }
                arguments[position] = dnnl_exec_arg_t(arg: entry.argument, memory: memory)
                bound.append(BoundMemory(memory: memory, location: entry.operand.location))
            }
        }
        self.bound = bound
    }

    deinit {
        for entry in bound { dnnl_memory_destroy(entry.memory) }
        for instruction in instructions { instruction.arguments.deallocate() }
    }

    /// What Winograd's algorithm computes, oneDNN's or ours, for tests.
    package var winogradLabels: [String] {
        instructions.filter { $0.kind.hasSuffix("(Winograd)") }.map(\.label).sorted()
    }

    /// What is complete after each instruction, and from which entry of the flat gradient on everything is.
    private static func order(
        of gradients: [ParameterGradient], over builder: PlanBuilder
    ) -> (completed: [[ParameterGradient]], finalFrom: [Int]) {
        let byLastUse = Dictionary(grouping: gradients) { $0.buffer.lastUse }
        var open = gradients.sorted { $0.entries.lowerBound < $1.entries.lowerBound }
        var start = builder.gradientCount
        let finalFrom = builder.instructions.indices.map { index in
            while let last = open.last, last.buffer.lastUse <= index { start = open.removeLast().entries.lowerBound }
            return start
        }
        return (builder.instructions.indices.map { byLastUse[$0] ?? [] }, finalFrom)
    }

    /// Computes the loss, and for a training program every parameter's gradient.
    ///
    /// - Parameter sink: takes each range of the gradient as it is complete, together every parameter once, and what
    ///   is ready after each instruction of the backward pass. A program without one is not run backward.
    /// - Returns: sums over the samples.
    package func run(_ context: RunContext, into sink: (any GradientSink)? = nil) throws -> Evaluation {
        try bind(context)
        context.lossSum = 0
        context.correct = 0
        try context.profile.measure(.forward) { () throws(DNNLError) in
            for index in 0..<forwardCount { try execute(index, context) }
        }
        let result = Evaluation(lossSum: context.lossSum, correct: context.correct, sampleCount: batch)
        if hasBackward, let sink {
            try sink.evaluated(result)
            try context.profile.measure(.backward) {
                for index in forwardCount..<instructions.count {
                    try execute(index, context)
                    accumulate(completed[index], context, into: sink)
                    try sink.ready(from: finalFrom[index])
                }
            }
        }
        return result
    }

    private func accumulate(_ gradients: [ParameterGradient], _ context: RunContext, into sink: any GradientSink) {
        if gradients.isEmpty { return }
        context.profile?.begin(.operation(kind: "combination of G"), "combination")
        defer { context.profile?.end() }
        for gradient in gradients {
            let values = context.arena + gradient.buffer.offset
            sink.accumulate(gradient.entries, UnsafePointer(values.assumingMemoryBound(to: Float.self)))
        }
    }

    private func execute(_ index: Int, _ context: RunContext) throws(DNNLError) {
        let instruction = instructions[index]
        context.profile?.begin(.operation(kind: instruction.kind), instruction.label)
        defer { context.profile?.end(operations: instruction.operations, bytes: instruction.bytes) }
        switch instruction.work {
        case .kernel(let body): body(context)
        case .primitive(let primitive, _):
            try primitive.run(on: engine.stream, UnsafeBufferPointer(instruction.arguments), instruction.label)
        }
    }

    private func bind(_ context: RunContext) throws(DNNLError) {
        let wanted = Addresses(
            arena: context.arena, parameters: context.parameters, statistics: context.statistics, input: context.input)
        guard wanted != boundAddresses else { return }
        for entry in bound {
            let moved: Bool =
                switch entry.location {
                case .arena: wanted.arena != boundAddresses.arena
                case .parameters: wanted.parameters != boundAddresses.parameters
                case .statistics: wanted.statistics != boundAddresses.statistics
                case .input: wanted.input != boundAddresses.input
                }
            if moved {
                try check(dnnl_memory_set_data_handle(entry.memory, context.address(entry.location)), "bind memory")
            }
        }
        boundAddresses = wanted
    }
}
