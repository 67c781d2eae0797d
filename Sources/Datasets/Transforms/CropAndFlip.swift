import Vectors

/// As torchvision's `RandomCrop(size, padding)` followed by `RandomHorizontalFlip()`.
package struct CropAndFlip: Transform, Equatable {
    /// Zero pixels (black, before normalization) added on every side before a window of the image's size is cut out at
    /// random; 0 leaves the image in place.
    package var cropPadding: Int
    /// Mirrors left and right with probability one half.
    package var flips: Bool

    package init(cropPadding: Int, flips: Bool) {
        precondition(cropPadding >= 0, "padding of \(cropPadding)")
        self.cropPadding = cropPadding
        self.flips = flips
    }

    package static let none = CropAndFlip(cropPadding: 0, flips: false)

    package func write(
        _ image: UnsafeBufferPointer<UInt8>, _ shape: ImageShape, levels: UnsafeBufferPointer<Float>,
        stream: inout RandomStream, into target: UnsafeMutablePointer<Float>, using workspace: ImageWorkspace
    ) {
        // Where the window's first row and column lie in the image itself.
        let top = cropPadding == 0 ? 0 : stream.integer(below: 2 * cropPadding + 1) - cropPadding
        let left = cropPadding == 0 ? 0 : stream.integer(below: 2 * cropPadding + 1) - cropPadding
        let mirrored = flips && stream.nextWord() >> 31 == 1
        let (height, width) = (shape.height, shape.width)
        for channel in 0..<shape.channels {
            let base = channel * 256
            for y in 0..<height {
                let row = target + (channel * height + y) * width
                let source = (channel * height + y + top) * width
                let inside = y + top >= 0 && y + top < height
                for x in 0..<width {
                    let column = x + left
                    let value = inside && column >= 0 && column < width ? Int(image[source + column]) : 0
                    row[mirrored ? width - 1 - x : x] = levels[base + value]
                }
            }
        }
    }
}
