import CKernels

/// How a resized image's values follow from those around them.
package enum ResamplingFilter: String, CaseIterable, Sendable {
    case bilinear
    /// Of cubic convolution with a = −1/2 (Keys 1981).
    case bicubic

    /// Half of the filter's width, in values of the smaller of the two images.
    package var support: Double {
        switch self {
        case .bilinear: 1
        case .bicubic: 2
        }
    }

    package func callAsFunction(_ distance: Double) -> Double {
        let x = abs(distance)
        switch self {
        case .bilinear: return x < 1 ? 1 - x : 0
        case .bicubic:
            let a = -0.5
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
        }
    }
}

/// A part of an image: `height` rows from row `top`, `width` columns from column `left`.
package struct PixelWindow: Sendable, Equatable {
    package var top: Int
    package var left: Int
    package var height: Int
    package var width: Int

    package init(top: Int, left: Int, height: Int, width: Int) {
        (self.top, self.left, self.height, self.width) = (top, left, height, width)
    }

    /// The whole of an image.
    package init(of image: PixelImage) {
        self.init(top: 0, left: 0, height: image.height, width: image.width)
    }
}

/// The coefficients of one direction of a resize, in memory that is used again.
///
/// As Pillow computes them (`Resample.c`): in Double, over the values around each result's centre, as far as the
/// filter's support stretched by the scale reaches (so that it averages where the image becomes smaller), divided by
/// their sum, and rounded half away from 0 to 22 fractional bits.
final class ResamplingCoefficients {
    private(set) var ranges: [ckr_range] = []
    private(set) var values: [Int32] = []
    /// Coefficients of each result in `values`, of which those beyond its range are 0.
    private(set) var taps = 0
    private var weights: [Double] = []
    private var made: (inputs: Int, outputs: Int, filter: ResamplingFilter)?

    func make(inputs: Int, outputs: Int, _ filter: ResamplingFilter) {
        if let made, made == (inputs, outputs, filter) { return }
        made = (inputs, outputs, filter)
        let scale = Double(inputs) / Double(outputs)
        let stretch = max(scale, 1)
        let support = filter.support * stretch
        taps = Int(support.rounded(.up)) * 2 + 1
        ranges.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        for output in 0..<outputs {
            let center = (Double(output) + 0.5) * scale
            let first = max(0, Int(center - support + 0.5))
            let end = min(inputs, Int(center + support + 0.5))
            weights.removeAll(keepingCapacity: true)
            for input in first..<end {
                weights.append(filter((Double(input) - center + 0.5) * (1 / stretch)))
            }
            let sum = weights.reduce(0, +)
            for weight in weights {
                let scaled = (sum == 0 ? weight : weight / sum) * Double(1 << CKR_PRECISION)
                values.append(Int32(scaled < 0 ? scaled - 0.5 : scaled + 0.5))
            }
            for _ in weights.count..<taps { values.append(0) }
            ranges.append(ckr_range(first: Int32(first), count: Int32(end - first)))
        }
    }
}

extension ImageWorkspace {
    /// Resizes a part of the image, of which nothing outside counts: bit for bit what Pillow 13's
    /// `image.crop(window).resize((width, height), filter)` gives, with 8 bits between the two directions.
    ///
    /// The columns come first where twice as many rows go, and more, as columns do; else the rows. Pillow before 13
    /// always begins along the rows, which differs by a level here and there in such images.
    package func resize(_ window: PixelWindow, height: Int, width: Int, _ filter: ResamplingFilter) {
        precondition(
            window.top >= 0 && window.left >= 0 && window.height > 0 && window.width > 0
                && window.top + window.height <= image.height && window.left + window.width <= image.width,
            "\(window) of an image of \(image.height) x \(image.width)")
        var rest = window
        if height < rest.height, rest.height - height > 2 * (rest.width - width) {
            resizeColumns(&rest, height: height, filter)
            resizeRows(&rest, width: width, filter)
        } else {
            resizeRows(&rest, width: width, filter)
            resizeColumns(&rest, height: height, filter)
        }
        if rest != PixelWindow(of: image) { cut(rest) }
    }

    /// Along rows; the window is the whole image then, unless nothing had to be done.
    private func resizeRows(_ window: inout PixelWindow, width: Int, _ filter: ResamplingFilter) {
        guard width != window.width else { return }
        coefficients.make(inputs: window.width, outputs: width, filter)
        spare.reshape(height: window.height, width: width, channels: image.channels)
        ckr_resize_rows(
            spare.pixels, first(of: window), image.width * image.channels, window.height, window.width, image.channels,
            width, coefficients.ranges, coefficients.values, coefficients.taps)
        swapImages()
        window = PixelWindow(of: image)
    }

    private func resizeColumns(_ window: inout PixelWindow, height: Int, _ filter: ResamplingFilter) {
        guard height != window.height else { return }
        columnCoefficients.make(inputs: window.height, outputs: height, filter)
        spare.reshape(height: height, width: window.width, channels: image.channels)
        ckr_resize_columns(
            spare.pixels, first(of: window), image.width * image.channels, window.width * image.channels, height,
            columnCoefficients.ranges, columnCoefficients.values, columnCoefficients.taps)
        swapImages()
        window = PixelWindow(of: image)
    }

    /// Makes a part of the image the whole.
    package func cut(_ window: PixelWindow) {
        spare.reshape(height: window.height, width: window.width, channels: image.channels)
        let (row, source) = (window.width * image.channels, first(of: window))
        for y in 0..<window.height {
            (spare.pixels + y * row).update(from: source + y * image.width * image.channels, count: row)
        }
        swapImages()
    }

    /// Writes what a network sees: C x H x W floats, by the level of each pixel value (C x 256).
    package func writePlanes(_ levels: [Float], into target: UnsafeMutablePointer<Float>) {
        precondition(levels.count == image.channels * 256, "\(levels.count) levels for \(image.channels) channels")
        ckr_planes(target, image.pixels, image.height * image.width, image.channels, levels)
    }

    private func first(of window: PixelWindow) -> UnsafeMutablePointer<UInt8> {
        image.pixels + (window.top * image.width + window.left) * image.channels
    }
}
