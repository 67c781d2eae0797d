import CImages

/// Why the bytes of a file are no image.
package struct DecodingError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// Cut short, or damaged.
        case corrupt
        /// More pixels than ``ImageDecoder/mostPixels``, or more passes over them than any encoder makes.
        case tooLarge
        /// Neither JPEG nor PNG, or of a kind that has no RGB.
        case unsupported
        case noMemory
    }
    package let kind: Kind
    /// In the library's words.
    package let reason: String

    package var description: String { reason }
}

/// Decodes JPEG and PNG files, told apart by their first bytes, to RGB: what Pillow's `convert("RGB")` gives.
///
/// libjpeg-turbo's accurate inverse transform and fancy upsampling; grey is repeated, CMYK and YCCK are taken for
/// inverted as Adobe writes them, EXIF's orientation is ignored. Of PNG palettes are looked up, alpha is dropped, of 16
/// bits the upper eight are kept. A file that is cut short or damaged is an error, where Pillow and libjpeg may go on
/// with pixels that they made up.
///
/// One thread uses it, for one image after another.
// Sound to send: it belongs to one thread at a time.
package final class ImageDecoder: @unchecked Sendable {
    /// Of an image that may be decoded: 8192 x 8192, about 70 times ImageNet's.
    package static let mostPixels = 1 << 26

    private let handle: OpaquePointer

    package init() throws(DecodingError) {
        guard let handle = cimg_create() else {
            throw DecodingError(kind: .noMemory, reason: "no memory for a decoder")
        }
        self.handle = handle
    }

    deinit { cimg_destroy(handle) }

    /// Height and width by the header alone.
    package func size(of bytes: UnsafeRawBufferPointer) throws(DecodingError) -> (height: Int, width: Int) {
        var (width, height): (UInt32, UInt32) = (0, 0)
        let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        try check(cimg_open(handle, base, bytes.count, UInt64(Self.mostPixels), &width, &height))
        return (Int(height), Int(width))
    }

    /// Decodes the file's bytes into an image of three channels.
    package func decode(_ bytes: UnsafeRawBufferPointer, into image: PixelImage) throws(DecodingError) {
        let (height, width) = try size(of: bytes)
        image.reshape(height: height, width: width, channels: 3)
        try check(cimg_pixels(handle, image.pixels))
    }

    /// What the file that was decoded last is, where that is unusual; nil for a colour JPEG.
    package var oddity: String? {
        if cimg_is_png(handle) != 0 { return "PNG" }
        return [1: "grey", 4: "CMYK"][cimg_components(handle)]
    }

    private func check(_ status: cimg_status) throws(DecodingError) {
        let kind: DecodingError.Kind
        switch status {
        case cimg_sound: return
        case cimg_too_large: kind = .tooLarge
        case cimg_unsupported: kind = .unsupported
        case cimg_no_memory: kind = .noMemory
        default: kind = .corrupt
        }
        throw DecodingError(kind: kind, reason: String(cString: cimg_message(handle)))
    }
}
