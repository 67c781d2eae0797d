/// The side of every kink of a network, for the samples of one pass: which values its ReLUs let through and which its
/// maxima were.
///
/// A loss in which they are kept is smooth, and its Hessian at the point where they were seen is what double backward
/// computes. One byte a value of ReLU; four a value of max-pooling.
package final class Kinks {
    private(set) var pointer: UnsafeMutablePointer<UInt8>
    private(set) var byteCount = 0
    /// Of the program whose kinks these are; nil before the first.
    private(set) var batch: Int?

    package init() { pointer = .allocate(capacity: 0) }

    deinit { pointer.deallocate() }

    /// Makes room for those of a program, which a pass then fills.
    func prepare(for program: Program) {
        batch = program.batch
        guard program.kinkBytes > byteCount else { return }
        pointer.deallocate()
        byteCount = program.kinkBytes
        // Indices of maxima are 32 bits wide, in ranges that begin at multiples of 64.
        pointer = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
            .bindMemory(to: UInt8.self, capacity: byteCount)
    }
}
