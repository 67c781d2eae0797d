import Glibc
import Vectors

/// A random part of the image, resized to a square without averaging: the crop of the SAM, ViT-SAM and GSAM papers and
/// of big_vision, which is TensorFlow's `sample_distorted_bounding_box` on the whole image.
///
/// Beside ``RandomResizedCrop`` its ratio of width to height is uniform itself, its height is uniform among those that
/// ratio and `area` allow, and it never lies at the last possible position: at 500 x 375 it covers 0.34 of the image on
/// average with `area` from 0.05, 0.37 from 0.08, where that one covers 0.43. Each result is interpolated between its
/// four neighbours in float32 and cut to 8 bits, as `tf.image.resize` does without `antialias`.
package struct InceptionCrop: PixelTransform, Equatable {
    package var side: Int
    package var area: ClosedRange<Double>
    package var ratio = 3.0 / 4.0...4.0 / 3.0
    package var attempts: Int

    /// - Parameter area: of the image; big_vision draws 0.05 to 1 in 100 attempts, the SAM papers 0.08 to 1 in 10.
    package init(side: Int, area: ClosedRange<Double> = 0.05...1, attempts: Int = 100) {
        precondition(side > 0 && attempts > 0, "images of side \(side) in \(attempts) attempts")
        (self.side, self.area, self.attempts) = (side, area, attempts)
    }

    package func apply(_ workspace: ImageWorkspace, stream: inout RandomStream) {
        let window = window(height: workspace.image.height, width: workspace.image.width, stream: &stream)
        workspace.interpolate(window, height: side, width: side)
    }

    /// Where the crop of an image of this size lies; the whole image if no attempt fits.
    package func window(height: Int, width: Int, stream: inout RandomStream) -> PixelWindow {
        let allowed = Double(height * width) * area.lowerBound...Double(height * width) * area.upperBound
        for _ in 0..<attempts {
            let aspect = stream.uniform(in: ratio)
            func columns(_ rows: Int) -> Int { Int((Double(rows) * aspect).rounded(.toNearestOrEven)) }
            func rows(_ area: Double) -> Int { Int((area / aspect).squareRoot().rounded(.toNearestOrEven)) }
            var most = min(rows(allowed.upperBound), height)
            while most > 0, columns(most) > width { most -= 1 }
            var high = min(rows(allowed.lowerBound), most)
            if high < most { high += stream.integer(below: most - high + 1) }
            // Rounding may have left the allowed areas by a row.
            if Double(high * columns(high)) < allowed.lowerBound { high += 1 }
            if Double(high * columns(high)) > allowed.upperBound { high -= 1 }
            let wide = columns(high)
            guard 0 < high, high <= height, 0 < wide, wide <= width, allowed.contains(Double(high * wide)) else {
                continue
            }
            return PixelWindow(
                top: high < height ? stream.integer(below: height - high) : 0,
                left: wide < width ? stream.integer(below: width - wide) : 0, height: high, width: wide)
        }
        return PixelWindow(top: 0, left: 0, height: height, width: width)
    }
}

extension ImageWorkspace {
    /// Resizes a part of the image, each result between its four neighbours: y = (1 − f)·x₀ + f·x₁ in both
    /// directions, where result j lies at (j + 1/2)·scale − 1/2 and the part's edges are repeated.
    package func interpolate(_ window: PixelWindow, height: Int, width: Int) {
        let (channels, stride) = (image.channels, image.width * image.channels)
        spare.reshape(height: height, width: width, channels: channels)
        let source = image.pixels + (window.top * image.width + window.left) * channels
        for y in 0..<height {
            let (upper, lower, down) = Self.neighbours(of: y, window.height, height)
            let (first, second) = (source + upper * stride, source + lower * stride)
            let row = spare.pixels + y * width * channels
            for x in 0..<width {
                let (left, right, across) = Self.neighbours(of: x, window.width, width)
                for channel in 0..<channels {
                    let (l, r) = (left * channels + channel, right * channels + channel)
                    let top = Float(first[l]) + (Float(first[r]) - Float(first[l])) * across
                    let bottom = Float(second[l]) + (Float(second[r]) - Float(second[l])) * across
                    row[x * channels + channel] = UInt8(top + (bottom - top) * down)
                }
            }
        }
        swapImages()
    }

    private static func neighbours(of output: Int, _ inputs: Int, _ outputs: Int) -> (Int, Int, Float) {
        let place = (Float(output) + 0.5) * (Float(inputs) / Float(outputs)) - 0.5
        let floor = place.rounded(.down)
        return (max(0, Int(floor)), min(inputs - 1, Int(floor) + 1), place - floor)
    }
}
