import COneDNN
import Vectors

/// What this processor reaches in the kernel that suits it best: the yardstick of every share of peak.
package enum MatrixProductPeak {
    /// What ``measure(_:side:)`` takes at most: its matrices, and twice as much for kernel, scratchpad and what
    /// oneDNN's kernels for AVX2 pack for each thread.
    package static let largestBytes = 10 * 1024 * 1024 * MemoryLayout<Float>.stride

    /// Floating-point operations a second of square matrix products, the best of several, on the threads that this
    /// process has. Takes about half a second.
    package static func measure(_ precision: Precision = .float32, side: Int = 1024) throws -> Double {
        let engine = try Engine()
        let layout = try DataLayout.plain([side, side], precision)
        let product = try Primitive("measure the matrix-product peak") {
            cdnn_matmul(&$0, engine.handle, layout.handle, layout.handle, nil, layout.handle, nil)
        }.compile()
        let scratch = FlatVector(count: product.scratchpadBytes / MemoryLayout<Float>.stride + 1)
        let vectors = (0..<3).map { _ in FlatVector(count: side * side) }
        // In either precision a number that is neither zero nor denormal: 0x3F803F80.
        for vector in vectors { vector.fill(Float(bitPattern: 0x3F80_3F80)) }
        let scratchLayout = try product.layout(cdnn_scratchpad, [scratch.count])
        var arguments: [dnnl_exec_arg_t] = []
        defer { for argument in arguments { dnnl_memory_destroy(argument.memory) } }
        let operands = zip([DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST], vectors).map { ($0, layout, $1) }
        for (argument, layout, vector) in operands + [(DNNL_ARG_SCRATCHPAD, scratchLayout, scratch)] {
            var memory: dnnl_memory_t?
            try check(cdnn_memory_create(&memory, layout.handle, engine.handle, vector.pointer), "bind memory")
            if let memory { arguments.append(dnnl_exec_arg_t(arg: argument, memory: memory)) }
        }
        // The memory objects do not own what they point to.
        return try withExtendedLifetime((vectors, scratch)) {
            let clock = ContinuousClock()
            var best = 0.0
            for _ in 0..<40 {
                let elapsed = try clock.measure {
                    try arguments.withUnsafeBufferPointer {
                        try product.run(on: engine.stream, $0, "measure the matrix-product peak")
                    }
                }
                let seconds = Double(elapsed.components.seconds) + 1e-18 * Double(elapsed.components.attoseconds)
                best = max(best, 2 * Double(side * side * side) / seconds)
            }
            return best
        }
    }
}
