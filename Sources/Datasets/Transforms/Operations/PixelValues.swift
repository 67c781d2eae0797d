/// Operations on each pixel's value alone, by a table, to the bit as Pillow's `ImageOps` and `ImageEnhance`.
extension PixelImage {
    /// Replaces each value v by `value(v)`.
    package func replaceValues(_ value: (Int) -> UInt8) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { table in
            for level in 0..<256 { table[level] = value(level) }
            for place in 0..<count { pixels[place] = table[Int(pixels[place])] }
        }
    }

    /// The same with a table of its own for each channel, made from how often each value occurs in it.
    private func mapChannels(_ make: (_ counts: UnsafePointer<Int>, _ table: UnsafeMutablePointer<UInt8>) -> Void) {
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 256) { counts in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { table in
                guard let first = counts.baseAddress, let results = table.baseAddress else { return }
                for channel in 0..<channels {
                    counts.update(repeating: 0)
                    for place in stride(from: channel, to: count, by: channels) { first[Int(pixels[place])] &+= 1 }
                    make(first, results)
                    for place in stride(from: channel, to: count, by: channels) {
                        pixels[place] = results[Int(pixels[place])]
                    }
                }
            }
        }
    }

    /// 255 − v.
    package func invert() { replaceValues { UInt8(255 - $0) } }

    /// Keeps the highest bits: 8 leaves the image, 0 makes it black.
    package func posterize(bits: Int) {
        let mask = bits <= 0 ? 0 : bits >= 8 ? 255 : 255 << (8 - bits) & 255
        replaceValues { UInt8($0 & mask) }
    }

    /// 255 − v from the threshold on; 256 leaves the image.
    package func solarize(threshold: Double) {
        replaceValues { UInt8(Double($0) < threshold ? $0 : 255 - $0) }
    }

    /// v + `addition` below the threshold, at most 255.
    package func solarizeAdd(_ addition: Int, threshold: Int = 128) {
        replaceValues { UInt8(min(max($0 < threshold ? $0 + addition : $0, 0), 255)) }
    }

    /// Between black (0) and the image (1), and beyond.
    package func adjustBrightness(_ factor: Double) {
        replaceValues { Self.blend(0, $0, Float(factor)) }
    }

    /// Between the mean grey (0) and the image (1), and beyond. The mean is of L, rounded half up.
    package func adjustContrast(_ factor: Double) {
        var sum = 0
        forEachLuminance { _, luminance in sum += luminance }
        adjustContrast(factor, about: Int(Double(sum) / Double(height * width) + 0.5))
    }

    /// The same between another grey and the image.
    package func adjustContrast(_ factor: Double, about grey: Int) {
        replaceValues { Self.blend(grey, $0, Float(factor)) }
    }

    /// Stretches each channel's values over 0...255.
    package func autoContrast() {
        mapChannels { counts, table in
            let low = (0..<256).first { counts[$0] > 0 } ?? 0
            let high = (0..<256).last { counts[$0] > 0 } ?? 0
            let scale = 255 / Double(max(high - low, 1))
            let offset = Double(-low) * scale
            for level in 0..<256 {
                let stretched = Int(Double(level) * scale + offset)
                table[level] = UInt8(high > low ? min(max(stretched, 0), 255) : level)
            }
        }
    }

    /// Makes each channel's values occur about equally often.
    package func equalize() {
        let size = height * width
        mapChannels { counts, table in
            let last = (0..<256).last { counts[$0] > 0 } ?? 0
            let step = (size - counts[last]) / 255
            var sum = step / 2
            for level in 0..<256 {
                table[level] = UInt8(step == 0 ? level : min(sum / step, 255))
                sum += counts[level]
            }
        }
    }

    /// Between the image without colour (0) and the image (1), and beyond.
    package func adjustColor(_ factor: Double) {
        guard channels == 3 else { return }
        let factor = Float(factor)
        forEachLuminance { pixel, luminance in
            for channel in 0..<3 { pixel[channel] = Self.blend(luminance, Int(pixel[channel]), factor) }
        }
    }

    /// The same grey L in all channels.
    package func removeColor() {
        guard channels == 3 else { return }
        forEachLuminance { pixel, luminance in
            for channel in 0..<3 { pixel[channel] = UInt8(luminance) }
        }
    }

    /// L = (19595 R + 38470 G + 7471 B + 2¹⁵) / 2¹⁶ of each pixel, as Pillow's conversion.
    private func forEachLuminance(_ body: (UnsafeMutablePointer<UInt8>, Int) -> Void) {
        for place in 0..<height * width {
            let pixel = pixels + place * channels
            guard channels == 3 else {
                body(pixel, Int(pixel[0]))
                continue
            }
            let sum = 19595 &* Int(pixel[0]) &+ 38470 &* Int(pixel[1]) &+ 7471 &* Int(pixel[2])
            body(pixel, (sum &+ 0x8000) >> 16)
        }
    }

    /// a + factor·(b − a) in float32, clipped and cut to 8 bits, as Pillow's `Blend.c`.
    static func blend(_ a: Int, _ b: Int, _ factor: Float) -> UInt8 {
        let value = Float(a) + factor * Float(b &- a)
        return value <= 0 ? 0 : value >= 255 ? 255 : UInt8(value)
    }
}
