import Vectors

/// Transforms of decoded images, for images of one shape in memory: C x H x W pixels become an image, pass through them
/// and are normalized.
///
/// They must leave the image's size as it is.
package struct PixelChain: Transform {
    package let steps: [any PixelTransform]

    package init(_ steps: [any PixelTransform]) { self.steps = steps }

    package func write(
        _ image: UnsafeBufferPointer<UInt8>, _ shape: ImageShape, levels: UnsafeBufferPointer<Float>,
        stream: inout RandomStream, into target: UnsafeMutablePointer<Float>, using workspace: ImageWorkspace
    ) {
        let (channels, plane) = (shape.channels, shape.height * shape.width)
        workspace.image.reshape(height: shape.height, width: shape.width, channels: channels)
        for channel in 0..<channels {
            let (source, pixels) = (channel * plane, workspace.image.pixels + channel)
            for place in 0..<plane { pixels[place * channels] = image[source + place] }
        }
        for step in steps { step.apply(workspace, stream: &stream) }
        let result = workspace.image
        precondition(
            result.height == shape.height && result.width == shape.width && result.channels == channels,
            "transforms made \(result.height) x \(result.width) of \(shape.text)")
        for channel in 0..<channels {
            let (row, pixels) = (target + channel * plane, result.pixels + channel)
            for place in 0..<plane { row[place] = levels[channel * 256 + Int(pixels[place * channels])] }
        }
    }
}

extension CropAndFlip: PixelTransform {
    /// The same with the same draws, of an image that is to be changed further.
    package func apply(_ workspace: ImageWorkspace, stream: inout RandomStream) {
        let (height, width) = (workspace.image.height, workspace.image.width)
        if cropPadding > 0 {
            let top = stream.integer(below: 2 * cropPadding + 1) - cropPadding
            let left = stream.integer(below: 2 * cropPadding + 1) - cropPadding
            workspace.move(down: top, right: left, height: height, width: width)
        }
        if flips && stream.nextWord() >> 31 == 1 { workspace.mirror() }
    }
}

extension ImageWorkspace {
    /// The part of the image of this size that begins in row `down` and column `right`, where what lies outside is
    /// black.
    fileprivate func move(down: Int, right: Int, height: Int, width: Int) {
        let channels = image.channels
        spare.reshape(height: height, width: width, channels: channels)
        spare.pixels.update(repeating: 0, count: spare.count)
        let columns = max(0, -right)..<max(max(0, -right), min(width, width - right))
        for y in max(0, -down)..<max(max(0, -down), min(height, height - down)) {
            (spare.pixels + (y * width + columns.lowerBound) * channels).update(
                from: image.pixels + ((y + down) * width + columns.lowerBound + right) * channels,
                count: columns.count * channels)
        }
        swapImages()
    }
}
