import Vectors

/// Samples that a loader can put into batches, by number.
package protocol SampleSource: Sendable {
    var count: Int { get }
    var shape: ImageShape { get }
    func label(of sample: Int) -> Int32
    /// Writes sample `number` % ``count`` as C x H x W floats. The result depends on (number, epoch) alone: numbers
    /// from ``count`` on are copies of the samples with other random choices. Called from a loader's threads, several
    /// at once; what it throws comes out of the loader's `next()`.
    func write(
        _ number: Int, epoch: Int, into target: UnsafeMutablePointer<Float>, using workspace: SampleWorkspace
    ) throws
    /// That samples will be asked for before long, in any order; for a source that can fetch them as a whole.
    func willNeed(_ samples: Range<Int>)
}

extension SampleSource {
    package func willNeed(_ samples: Range<Int>) {}
}

/// What one of a loader's threads works with, in memory that is used again.
package final class SampleWorkspace {
    package let images = ImageWorkspace()
    /// Of a file before it is decoded.
    package let bytes = ByteBuffer()
    private var made: ImageDecoder?
    private var partner = FlatVector(count: 0)

    package init() {}

    /// Memory for a sample that is to be mixed with another.
    func partner(_ count: Int) -> UnsafeMutablePointer<Float> {
        if partner.count < count { partner = FlatVector(count: count) }
        return partner.pointer
    }

    package func decoder() throws(DecodingError) -> ImageDecoder {
        if let made { return made }
        let decoder = try ImageDecoder()
        made = decoder
        return decoder
    }
}

/// Bytes whose memory grows and stays.
package final class ByteBuffer {
    private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
    package private(set) var count = 0

    package init() {}

    deinit { memory.deallocate() }

    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

    /// So many bytes to be written; what was in them is lost.
    package func resize(to count: Int) -> UnsafeMutableRawBufferPointer {
        if count > memory.count {
            memory.deallocate()
            memory = .allocate(byteCount: count + count / 4, alignment: 64)
        }
        self.count = count
        return UnsafeMutableRawBufferPointer(rebasing: memory[..<count])
    }
}
