/// An instruction of a plan as people and checks read it.
package struct PlannedInstruction: Sendable {
    /// The layer's name and the direction.
    package let label: String
    /// What breakdowns sum over, such as `convolution backward data (Winograd)`.
    package let kind: String
    /// oneDNN's name for its kernel; nil for a kernel of ours.
    package let implementation: String?
    /// Of what it reads and writes, by oneDNN's names of orders, such as `src:aBcd16b`; vectors not.
    package let layouts: [String]
    /// Floating-point operations of a convolution, as a direct one, or matrix product; 0 for others.
    package let operations: Double
    /// Of the operands, each counted once.
    package let bytes: Double

    init(_ instruction: Instruction) {
        label = instruction.label
        kind = instruction.kind
        implementation = instruction.implementation
        layouts = instruction.operands.filter { $0.layout.dimensions.count > 1 }.map {
            ($0.role.isEmpty ? "" : $0.role + ":") + $0.layout.orderName
        }
        operations = instruction.operations
        bytes = instruction.bytes
    }

    /// What ``SlowKernels`` judges it by.
    package var work: SlowKernels.Work {
        .init(label: label, implementation: implementation, operations: operations, bytes: bytes)
    }
}
