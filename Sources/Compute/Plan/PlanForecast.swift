/// What is known of a program before it is made.
package struct PlanForecast: Sendable, Equatable {
    /// Of activations, gradients and scratch memory.
    package let arenaBytes: Int
    /// Of oneDNN's compiled kernels, at most.
    package let codeBytes: Int
    package let slowKernels: SlowKernels?

    init(_ builder: PlanBuilder) {
        arenaBytes = MemoryPlan(placing: builder.buffers).byteCount
        let primitives = builder.instructions.count { $0.implementation != nil }
        codeBytes = primitives * Self.bytesPerKernel
        slowKernels = SlowKernels(
            builder.instructions.map {
                .init(label: $0.label, implementation: $0.implementation, operations: $0.operations, bytes: $0.bytes)
            })
    }

    /// oneDNN 2.6.3 takes as much for each before it generates code.
    private static let bytesPerKernel = 256 << 10
}

/// Instructions for which oneDNN has but its reference loops, where they cost a share of a plan that is worth a word.
package struct SlowKernels: Sendable, Equatable {
    package struct Work {
        package var label: String
        /// oneDNN's name; nil for a kernel of ours.
        package var implementation: String?
        /// Floating-point operations of a convolution or matrix product; 0 for what streams its operands.
        package var operations: Double
        package var bytes: Double

        package init(label: String, implementation: String?, operations: Double, bytes: Double) {
            self.label = label
            self.implementation = implementation
            self.operations = operations
            self.bytes = bytes
        }

        package var isReference: Bool { implementation.map(Primitive.isReference) ?? false }

        /// Rough: with oneDNN 2.6.3 on Zen 3 and Zen 5 reference loops took 20 to 120 ns an operation and 0.6 to 5 ns a
        /// byte, where kernels reach 50 GF/s and 10 GB/s.
        var seconds: Double {
            isReference ? 3e-8 * operations + (operations > 0 ? 0 : 1e-9 * bytes) : 2e-11 * operations + 1e-10 * bytes
        }
    }

    /// The costliest, such as `conv1 backward weights`.
    package let label: String
    package let implementation: String
    /// Further ones.
    package let others: Int
    /// Estimate of what they all take of the plan's time.
    package let share: Double

    /// nil where there is no reference kernel, or where all take less than `leastShare` of the time.
    package init?(_ work: [Work], leastShare: Double = 0.05) {
        let slow = work.filter(\.isReference)
        let seconds = slow.reduce(0) { $0 + $1.seconds }
        let share = seconds / work.reduce(0) { $0 + $1.seconds }
        guard let first = slow.max(by: { $0.seconds < $1.seconds }), share >= leastShare else { return nil }
        label = first.label
        implementation = first.implementation ?? ""
        others = slow.count - 1
        self.share = share
    }
}
