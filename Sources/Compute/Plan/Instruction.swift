import COneDNN

/// One thing that a program does: a primitive with its arguments, or a kernel of ours.
final class Instruction {
    enum Work {
        case primitive(Primitive, [(argument: Int32, operand: Operand)])
        case kernel((RunContext) -> Void)
    }

    /// The layer's name and the direction, for breakdowns and messages.
    let label: String
    let work: Work
    /// Filled in by the program: the arguments in oneDNN's form.
    var arguments: UnsafeMutableBufferPointer<dnnl_exec_arg_t> = .init(start: nil, count: 0)

    init(_ label: String, _ work: Work) {
        self.label = label
        self.work = work
    }
}
