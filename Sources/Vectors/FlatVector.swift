import CKernels
import COpenBLAS
import Glibc

/// A flat, 64-byte aligned array of Float32: the shape that weights, gradients, momentum and the all-reduce buffer
/// share.
///
/// Operations work in place and allocate nothing. Two vectors in one call must have the same length; a mismatch traps,
/// as it can only be a programmer's mistake.
// Sound to send: a vector is handed from one owner to the next, never written by two threads at once.
package final class FlatVector: @unchecked Sendable {
    package let count: Int
    /// Valid for as long as this vector, or any slice of it, lives.
    package let pointer: UnsafeMutablePointer<Float>
    private let storage: Storage

    /// Bytes to which storage is aligned, and floats to which tensors inside a vector are.
    package static let alignment = 64
    package static let alignedFloats = alignment / MemoryLayout<Float>.stride

    /// Ends the process where memory for a vector is refused. Needs are checked before they arise (``MemoryNeed``):
    /// this is for what other processes took meanwhile.
    // Set once, before a second thread exists.
    nonisolated(unsafe) package static var whenExhausted: (_ bytes: Int) -> Never = { bytes in
        fatalError("no memory for a vector of \(bytes) bytes")
    }

    private final class Storage {
        let memory: UnsafeMutableRawPointer
        /// Of x86-64 and arm64 with 4 KiB base pages.
        static let hugePage = 1 << 21

        init(bytes: Int) {
            let isLarge = bytes >= 2 * Self.hugePage
            var taken: UnsafeMutableRawPointer?
            let alignment = isLarge ? Self.hugePage : FlatVector.alignment
            guard posix_memalign(&taken, alignment, max(bytes, FlatVector.alignment)) == 0, let taken else {
                FlatVector.whenExhausted(bytes)
            }
            memory = taken
            #if os(Linux)
                // A hint, which a kernel may not take: whole vectors are streamed through, with fewer misses in huge
                // pages.
                if isLarge { _ = madvise(memory, bytes / Self.hugePage * Self.hugePage, MADV_HUGEPAGE) }
            #endif
            memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        }

        deinit { free(memory) }
    }

    /// A vector of `count` zeros.
    package init(count: Int) {
        self.count = count
        storage = Storage(bytes: count * MemoryLayout<Float>.stride)
        pointer = storage.memory.assumingMemoryBound(to: Float.self)
    }

    package convenience init(_ values: some Collection<Float>) {
        self.init(count: values.count)
        for (index, value) in values.enumerated() { pointer[index] = value }
    }

    private init(_ base: FlatVector, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= base.count, "slice \(range) of \(base.count)")
        count = range.count
        storage = base.storage
        pointer = base.pointer + range.lowerBound
    }

    /// The elements in `range`, sharing this vector's memory and keeping it alive.
    package func slice(_ range: Range<Int>) -> FlatVector { FlatVector(self, range) }

    package var elements: UnsafeMutableBufferPointer<Float> { .init(start: pointer, count: count) }

    package subscript(index: Int) -> Float {
        get {
            precondition(index >= 0 && index < count)
            return pointer[index]
        }
        set {
            precondition(index >= 0 && index < count)
            pointer[index] = newValue
        }
    }

    package var array: [Float] { Array(elements) }

    package func fill(_ value: Float) { elements.update(repeating: value) }

    package func copy(from other: FlatVector) {
        precondition(count == other.count)
        pointer.update(from: other.pointer, count: count)
    }

    /// self ← factor · self, in `range` or everywhere.
    package func scale(by factor: Float, in range: Range<Int>? = nil) {
        let range = checked(range)
        // BLAS counts with Int32: longer vectors go in blocks.
        let block = 1 << 30
        for offset in stride(from: range.lowerBound, to: range.upperBound, by: block) {
            cblas_sscal(Int32(min(block, range.upperBound - offset)), factor, pointer + offset, 1)
        }
    }

    /// self ← self + factor · other, in `range` or everywhere.
    package func add(_ other: FlatVector, scaledBy factor: Float = 1, in range: Range<Int>? = nil) {
        precondition(count == other.count)
        let range = checked(range)
        add(other.pointer + range.lowerBound, scaledBy: factor, in: range)
    }

    /// self[range] ← factor · values
    package func set(_ values: UnsafePointer<Float>, scaledBy factor: Float, in range: Range<Int>) {
        cvk_scaled(pointer + checked(range).lowerBound, factor, values, range.count)
    }

    /// self[range] ← self[range] + factor · values
    package func add(_ values: UnsafePointer<Float>, scaledBy factor: Float, in range: Range<Int>) {
        let start = pointer + checked(range).lowerBound
        cvk_add_scaled(start, start, factor, values, range.count)
    }

    private func checked(_ range: Range<Int>?) -> Range<Int> {
        guard let range else { return 0..<count }
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range \(range) of \(count)")
        return range
    }

    /// self ← base + factor · direction, in one pass.
    package func setSum(_ base: FlatVector, _ direction: FlatVector, scaledBy factor: Float) {
        precondition(count == base.count && count == direction.count)
        cvk_add_scaled(pointer, base.pointer, factor, direction.pointer, count)
    }

    /// self ← 2·center − self: the point as far from `center` on the other side.
    package func reflect(at center: FlatVector) {
        precondition(count == center.count)
        cvk_reflect(pointer, center.pointer, pointer, count)
    }

    /// sum ← [sum +] factor · self, then self ← base + step · self, in one pass: a direction becomes a point.
    ///
    /// `sum`, `base` and self are three vectors, none a part of another.
    package func accumulate(
        into sum: FlatVector, scaledBy factor: Float, overwriting: Bool, thenStep step: Float, from base: FlatVector
    ) {
        precondition(count == sum.count && count == base.count)
        precondition(sum.pointer != pointer && base.pointer != pointer && sum.pointer != base.pointer)
        cvk_accumulate_and_step(sum.pointer, overwriting ? 0 : 1, factor, pointer, base.pointer, step, count)
    }

    /// self ← a·x + b·y + c·z in one pass, in `range` or everywhere. May be called with self among x, y, z.
    package func combine(
        _ a: Float, _ x: FlatVector, _ b: Float, _ y: FlatVector, _ c: Float, _ z: FlatVector,
        in range: Range<Int>? = nil
    ) {
        precondition(count == x.count && count == y.count && count == z.count)
        let range = checked(range)
        let start = range.lowerBound
        cvk_combine(
            pointer + start, a, x.pointer + start, b, y.pointer + start, c, z.pointer + start, range.count)
    }

    /// x·y, accumulated in Double over a fixed number of lanes: bitwise identical on every processor.
    package func dot(_ other: FlatVector) -> Double {
        precondition(count == other.count)
        return cvk_dot(pointer, other.pointer, count)
    }

    /// ‖x‖₂, accumulated in Double over a fixed number of lanes: bitwise identical on every processor.
    package var norm: Double { squaredNorm(in: 0..<count).squareRoot() }

    /// Σ x² over `range`, in Double.
    package func squaredNorm(in range: Range<Int>) -> Double {
        let range = checked(range)
        return cvk_sum_of_squares(pointer + range.lowerBound, range.count)
    }

    /// A 64-bit hash of the elements' bits, chained through `seed`: equal vectors, and only they (except by chance),
    /// agree.
    package func fingerprint(seed: UInt64 = 0) -> UInt64 { cvk_fingerprint(pointer, count, seed) }
}
