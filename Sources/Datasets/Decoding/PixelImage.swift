/// One decoded image of any size: 8-bit pixels, rows x columns x channels (interleaved), in memory that is used again
/// for the next image. Owned by one thread.
// Sound to send: a workspace belongs to one thread at a time; nothing shares its images.
package final class PixelImage: @unchecked Sendable {
    package private(set) var height = 0
    package private(set) var width = 0
    package private(set) var channels = 0
    /// `height * width * channels` values, without padding between rows.
    package private(set) var pixels: UnsafeMutablePointer<UInt8>
    private var capacity: Int

    package init(capacity: Int = 0) {
        self.capacity = max(capacity, 64)
        pixels = .allocate(capacity: self.capacity)
    }

    deinit { pixels.deallocate() }

    /// Values in the image.
    package var count: Int { height * width * channels }

    /// Gives the image another size; its contents are undefined then. Memory grows where the size asks for it, and
    /// stays.
    package func reshape(height: Int, width: Int, channels: Int) {
        precondition(height > 0 && width > 0 && channels > 0, "an image of \(height) x \(width) x \(channels)")
        (self.height, self.width, self.channels) = (height, width, channels)
        guard count > capacity else { return }
        pixels.deallocate()
        capacity = count
        pixels = .allocate(capacity: capacity)
    }
}
