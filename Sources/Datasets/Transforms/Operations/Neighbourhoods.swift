/// Operations on a pixel and those around it, to the bit as Pillow.
extension ImageWorkspace {
    /// Between the smoothed image (0) and the image (1), and beyond: `ImageEnhance.Sharpness`.
    ///
    /// Smoothing is by [1 1 1; 1 5 1; 1 1 1]/13 in float32, rounded; pixels at the edge keep their values.
    package func adjustSharpness(_ factor: Double) {
        let (height, width, channels) = (image.height, image.width, image.channels)
        guard height >= 3, width >= 3 else { return }
        let (factor, side, middle) = (Float(factor), Float(1) / 13, Float(5) / 13)
        let stride = width * channels
        spare.reshape(height: height, width: width, channels: channels)
        spare.pixels.update(from: image.pixels, count: image.count)
        for y in 1..<height - 1 {
            let (source, target) = (image.pixels + y * stride, spare.pixels + y * stride)
            for place in channels..<stride - channels {
                // In Pillow's order of sums: the row below, this one, the row above.
                func row(_ start: Int, _ weight: Float) -> Float {
                    Float(source[start &- channels]) * side + Float(source[start]) * weight
                        + Float(source[start &+ channels]) * side
                }
                var sum: Float = 0.5
                sum += row(place &+ stride, side)
                sum += row(place, middle)
                sum += row(place &- stride, side)
                let smooth = sum < 0 ? 0 : sum > 255 ? 255 : Int(sum)
                target[place] = PixelImage.blend(smooth, Int(source[place]), factor)
            }
        }
        swapImages()
    }

    /// Blurred with standard deviation σ: Pillow's `GaussianBlur`, three box blurs in either direction (Gwosdek et al.
    /// 2011, "Theoretical foundations of Gaussian convolution by extended box filtering").
    package func blur(sigma: Double) {
        guard sigma > 0 else { return }
        let box = BoxBlur(sigma: Float(sigma))
        let (height, width, channels) = (image.height, image.width, image.channels)
        // Two lines of scratch memory.
        spare.reshape(height: 2, width: max(height, width), channels: channels)
        for y in 0..<height {
            blurLine(image.pixels + y * width * channels, count: width, step: channels, box)
        }
        for x in 0..<width {
            blurLine(image.pixels + x * channels, count: height, step: width * channels, box)
        }
    }

    /// Three box blurs of a line of pixels, `step` values apart.
    private func blurLine(_ line: UnsafeMutablePointer<UInt8>, count: Int, step: Int, _ box: BoxBlur) {
        let channels = image.channels
        let (first, second) = (spare.pixels, spare.pixels + count * channels)
        for place in 0..<count {
            for channel in 0..<channels { first[place * channels + channel] = line[place * step + channel] }
        }
        for channel in 0..<channels {
            box.blur(first + channel, into: second + channel, count: count, step: channels)
            box.blur(second + channel, into: first + channel, count: count, step: channels)
            box.blur(first + channel, into: second + channel, count: count, step: channels)
        }
        for place in 0..<count {
            for channel in 0..<channels { line[place * step + channel] = second[place * channels + channel] }
        }
    }
}

/// The mean over 2·radius + 1 values, with a part of one more on either side, in fixed point with 24 bits.
private struct BoxBlur {
    let radius: Int
    let weight: UInt32
    /// Of the values at distance radius + 1.
    let edgeWeight: UInt32

    /// One of three blurs that together have the standard deviation.
    init(sigma: Float) {
        let variance = sigma * sigma / 3
        let length = Float((12 * Double(variance) + 1).squareRoot())
        let whole = Float(((Double(length) - 1) / 2).rounded(.down))
        var part = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance)
        part /= 6 * (variance - (whole + 1) * (whole + 1))
        let size = whole + part
        radius = Int(size)
        weight = UInt32(Float(1 << 24) / (size * 2 + 1))
        edgeWeight = (1 << 24 &- UInt32(2 * radius + 1) &* weight) / 2
    }

    /// The values beyond either end are those at the end.
    func blur(_ source: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>, count: Int, step: Int) {
        func value(_ place: Int) -> UInt32 { UInt32(source[min(max(place, 0), count &- 1) &* step]) }
        var sum: UInt32 = 0
        for place in -radius - 1..<radius { sum += value(place) }
        for place in 0..<count {
            sum = sum &+ value(place &+ radius) &- value(place &- radius &- 1)
            let edges = value(place &- radius &- 1) &+ value(place &+ radius &+ 1)
            target[place &* step] = UInt8(truncatingIfNeeded: (sum &* weight &+ edges &* edgeWeight &+ 1 << 23) >> 24)
        }
    }
}
