import Glibc
import Vectors

/// A random change to an image that is normalized: C x H x W floats, where 0 is the channels' mean.
package protocol PlaneTransform: Sendable {
    /// Called from a loader's thread, once a sample, after the transforms of pixels.
    func apply(_ planes: UnsafeMutablePointer<Float>, _ shape: ImageShape, stream: inout RandomStream)
}

/// Erases a rectangle with some probability (Zhong et al. 2020, "Random erasing data augmentation").
///
/// Up to ten times an area H·W·U(`area`) and a ratio of height to width, uniform in its logarithm over `ratio`, are
/// drawn; the first rectangle smaller than the image in both directions is placed uniformly.
package struct RandomErasing: PlaneTransform, Equatable {
    /// What takes the place of the pixels, in units of the channels' standard deviations about their means.
    package enum Filling: String, CaseIterable, Sendable {
        /// Standard normal, each value by itself.
        case pixel
        /// Standard normal, one a channel.
        case color
        /// 0, the mean.
        case mean
    }

    package var probability: Double
    package var area: ClosedRange<Double>
    package var ratio: ClosedRange<Double>
    package var filling: Filling
    private static let attempts = 10

    private init(
        _ probability: Double, area: ClosedRange<Double>, ratio: ClosedRange<Double>, _ filling: Filling
    ) {
        precondition((0...1).contains(probability), "erasing with probability \(probability)")
        (self.probability, self.area, self.ratio, self.filling) = (probability, area, ratio, filling)
    }

    /// timm's: areas 0.02 to 1/3, ratios 0.3 to 1/0.3. Its modes `pixel`, `rand` and `const`.
    package static func timm(_ probability: Double, filling: Filling = .pixel) -> RandomErasing {
        RandomErasing(probability, area: 0.02...1 / 3.0, ratio: 0.3...1 / 0.3, filling)
    }

    /// torchvision's: areas 0.02 to 0.33, ratios 0.3 to 3.3. Its values 0 and `random`.
    package static func torchvision(_ probability: Double, filling: Filling = .mean) -> RandomErasing {
        RandomErasing(probability, area: 0.02...0.33, ratio: 0.3...3.3, filling)
    }

    /// The rectangle to be erased from an image of this size, if any is.
    package func window(height: Int, width: Int, stream: inout RandomStream) -> PixelWindow? {
        guard stream.isHit(probability) else { return nil }
        for _ in 0..<Self.attempts {
            let erased = stream.uniform(in: area) * Double(height * width)
            let aspect = exp(stream.uniform(in: log(ratio.lowerBound)...log(ratio.upperBound)))
            let high = Int((erased * aspect).squareRoot().rounded(.toNearestOrEven))
            let wide = Int((erased / aspect).squareRoot().rounded(.toNearestOrEven))
            guard wide < width, high < height else { continue }
            let top = stream.integer(below: height - high + 1)
            return PixelWindow(top: top, left: stream.integer(below: width - wide + 1), height: high, width: wide)
        }
        return nil
    }

    package func apply(_ planes: UnsafeMutablePointer<Float>, _ shape: ImageShape, stream: inout RandomStream) {
        guard let window = window(height: shape.height, width: shape.width, stream: &stream) else { return }
        for channel in 0..<shape.channels {
            let color = filling == .color ? stream.normal() : 0
            window.forEachRow(of: planes, shape, channel) { row, count in
                for place in 0..<count { row[place] = filling == .pixel ? stream.normal() : color }
            }
        }
    }
}

/// Erases a square (DeVries and Taylor 2017, "Improved regularization of convolutional neural networks with cutout") as
/// the CR-SAM authors' code: with probability `probability`, to the channels' means; its upper left corner is uniform
/// from −size/2 to below H − size/2 and W − size/2, so that it may lie half outside.
package struct Cutout: PlaneTransform, Equatable {
    package var size: Int
    package var probability: Double

    package init(size: Int = 16, probability: Double = 0.5) {
        precondition(size > 1, "a square of side \(size)")
        (self.size, self.probability) = (size, probability)
    }

    /// What is erased of an image of this size.
    package func window(height: Int, width: Int, stream: inout RandomStream) -> PixelWindow? {
        guard stream.uniform(in: 0...1) <= probability else { return nil }
        let (y, x) = (stream.integer(below: height) - size / 2, stream.integer(below: width) - size / 2)
        let (top, left) = (max(0, y), max(0, x))
        return PixelWindow(
            top: top, left: left, height: min(height, y + size) - top, width: min(width, x + size) - left)
    }

    package func apply(_ planes: UnsafeMutablePointer<Float>, _ shape: ImageShape, stream: inout RandomStream) {
        guard let window = window(height: shape.height, width: shape.width, stream: &stream) else { return }
        for channel in 0..<shape.channels {
            window.forEachRow(of: planes, shape, channel) { row, count in row.update(repeating: 0, count: count) }
        }
    }
}

extension PixelWindow {
    /// The rows of a window in one plane of C x H x W floats.
    func forEachRow(
        of planes: UnsafeMutablePointer<Float>, _ shape: ImageShape, _ channel: Int,
        _ body: (_ row: UnsafeMutablePointer<Float>, _ count: Int) -> Void
    ) {
        for y in top..<top + height {
            body(planes + (channel * shape.height + y) * shape.width + left, width)
        }
    }
}
