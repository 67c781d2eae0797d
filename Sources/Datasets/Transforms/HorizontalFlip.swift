import Vectors

/// Mirrors left and right with probability one half.
package struct HorizontalFlip: PixelTransform, Equatable {
    package init() {}

    package func apply(_ workspace: ImageWorkspace, stream: inout RandomStream) {
        if stream.nextWord() >> 31 == 1 { workspace.mirror() }
    }
}

extension ImageWorkspace {
    /// Left becomes right.
    package func mirror() {
        let (width, channels) = (image.width, image.channels)
        for y in 0..<image.height {
            let row = image.pixels + y * width * channels
            for x in 0..<width / 2 {
                let (left, right) = (row + x * channels, row + (width - 1 - x) * channels)
                for channel in 0..<channels { swap(&left[channel], &right[channel]) }
            }
        }
    }
}
