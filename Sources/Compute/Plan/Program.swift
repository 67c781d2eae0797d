import COneDNN
import Vectors

/// A graph made ready for one batch size: every primitive created, every buffer placed.
///
/// A run allocates nothing. Programs of several batch sizes share one arena, so only one runs at a time.
package final class Program {
    package let batch: Int
    package let hasBackward: Bool
    /// Bytes of arena that the program needs.
    package let arenaBytes: Int
    private let engine: Engine
    private let instructions: [Instruction]
    private let forwardCount: Int
    /// By instruction: entries of the gradient from here on are final once it has run. Never rises.
    private let finalFrom: [Int]
    private let bound: [BoundMemory]
    private var boundAddresses = Addresses()

    /// A memory object whose data is at `offset` floats (bytes in the arena) behind a base that may move between runs.
    private struct BoundMemory {
        let memory: dnnl_memory_t
        let location: Location
    }

    private struct Addresses: Equatable {
        var arena: UnsafeMutableRawPointer?
        var parameters: UnsafeMutablePointer<Float>?
        var gradients: UnsafeMutablePointer<Float>?
        var statistics: UnsafeMutablePointer<Float>?
        var input: UnsafeMutablePointer<Float>?
    }

    init(_ builder: PlanBuilder) throws(DNNLError) {
        engine = builder.engine
        batch = builder.batch
        hasBackward = builder.training
        instructions = builder.instructions
        forwardCount = builder.forwardCount
        finalFrom = Self.finalFrom(builder)
        arenaBytes = MemoryPlan(placing: builder.buffers).byteCount
        var bound: [BoundMemory] = []
        for instruction in instructions {
            guard case .primitive(_, let operands) = instruction.work else { continue }
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

    /// The labels of the instructions and what implements them, for tests and breakdowns.
    package var listing: [(label: String, implementation: String)] {
        instructions.map {
            if case .primitive(let primitive, _) = $0.work {
                ($0.label, primitive.implementation)
            } else {
                ($0.label, "own")
            }
        }
    }

    /// What is final after each instruction: from the last use of each stretch of the gradient, the other way round.
    private static func finalFrom(_ builder: PlanBuilder) -> [Int] {
        var open = builder.lastGradientUses.sorted { $0.offset < $1.offset }
        var start = builder.gradientCount
        return builder.instructions.indices.map { index in
            while let last = open.last, last.instruction <= index { start = open.removeLast().offset }
            return start
        }
    }

    /// Computes the loss, and for a training program every gradient.
    ///
    /// - Parameter whenFinal: called after each instruction of the backward pass with the start of the final entries.
    package func run(_ context: RunContext, whenFinal: (_ start: Int) throws -> Void = { _ in }) throws {
        try bind(context)
        context.lossSum = 0
        context.correct = 0
        try context.profile.measure(.forward) { () throws(DNNLError) in
            for index in 0..<forwardCount { try execute(index, context) }
        }
        if hasBackward {
            precondition(context.gradients != nil, "a training program needs a gradient vector")
            try context.profile.measure(.backward) {
                for index in forwardCount..<instructions.count {
                    try execute(index, context)
                    let start = context.profile == nil ? 0 : Profile.now
                    try whenFinal(finalFrom[index])
                    context.profile?.add(.operation(kind: "combination and sending"), "combination", from: start)
                }
            }
        }
    }

    private func execute(_ index: Int, _ context: RunContext) throws(DNNLError) {
        let instruction = instructions[index]
        let start = context.profile == nil ? 0 : Profile.now
        switch instruction.work {
        case .kernel(let body): body(context)
        case .primitive(let primitive, _):
            let arguments = instruction.arguments
            let status = dnnl_primitive_execute(
                primitive.handle, engine.stream, Int32(truncatingIfNeeded: arguments.count), arguments.baseAddress)
            try check(status, instruction.label)
        }
        context.profile?.add(
            .operation(kind: instruction.kind), instruction.label, from: start, operations: instruction.operations,
            bytes: instruction.bytes)
    }

    private func bind(_ context: RunContext) throws(DNNLError) {
        let wanted = Addresses(
            arena: context.arena, parameters: context.parameters, gradients: context.gradients,
            statistics: context.statistics, input: context.input)
        guard wanted != boundAddresses else { return }
        for entry in bound {
            let moved: Bool =
                switch entry.location {
                case .arena: wanted.arena != boundAddresses.arena
                case .parameters: wanted.parameters != boundAddresses.parameters
                case .gradients: wanted.gradients != boundAddresses.gradients
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
