import COneDNN

/// A kernel of ours in parts that the process's threads share. What a part computes does not depend on their number.
final class ParallelKernel {
    private let parts: Int32
    private let body: (RunContext, Int) -> Void
    private var context: RunContext?

    init(parts: Int, _ body: @escaping (RunContext, Int) -> Void) {
        self.parts = Int32(clamping: parts)
        self.body = body
    }

    func run(_ context: RunContext) {
        self.context = context
        defer { self.context = nil }
        // This object lives until all parts are done, and they only read it.
        cdnn_parallel(
            { pointer, part in
                guard let pointer else { return }
                let kernel = Unmanaged<ParallelKernel>.fromOpaque(pointer).takeUnretainedValue()
                if let context = kernel.context { kernel.body(context, Int(part)) }
            }, Unmanaged.passUnretained(self).toOpaque(), parts)
    }
}
