import Glibc
import Vectors

/// A random part of the image, resized to a square: torchvision's `RandomResizedCrop`, and timm's.
///
/// Up to ten times an area A·U(`area`) and a ratio of width to height, uniform in its logarithm over `ratio`, are
/// drawn; the first window of these that fits is placed uniformly. If none fits, the middle of the image is taken, as
/// far as the ratio allows. The window is cut out first: the filter sees nothing outside.
///
/// Not the crop of the SAM, ViT-SAM and GSAM papers, which is ``InceptionCrop``: at 500 x 375 this one covers 0.43 of
/// the image on average, that one 0.34 to 0.37.
package struct RandomResizedCrop: PixelTransform, Equatable {
    package var side: Int
    package var area = 0.08...1.0
    package var ratio = 3.0 / 4.0...4.0 / 3.0
    package var filter = ResamplingFilter.bilinear
    private static let attempts = 10

    package init(side: Int, filter: ResamplingFilter = .bilinear) {
        precondition(side > 0, "images of side \(side)")
        (self.side, self.filter) = (side, filter)
    }

    package func apply(_ workspace: ImageWorkspace, stream: inout RandomStream) {
        let window = window(height: workspace.image.height, width: workspace.image.width, stream: &stream)
        workspace.resize(window, height: side, width: side, filter)
    }

    /// Where the crop of an image of this size lies.
    package func window(height: Int, width: Int, stream: inout RandomStream) -> PixelWindow {
        for _ in 0..<Self.attempts {
            let covered = Double(height * width) * stream.uniform(in: area)
            let aspect = exp(stream.uniform(in: log(ratio.lowerBound)...log(ratio.upperBound)))
            let wide = Int((covered * aspect).squareRoot().rounded(.toNearestOrEven))
            let high = Int((covered / aspect).squareRoot().rounded(.toNearestOrEven))
            guard 0 < wide, wide <= width, 0 < high, high <= height else { continue }
            let top = stream.integer(below: height - high + 1)
            return PixelWindow(
                top: top, left: stream.integer(below: width - wide + 1), height: high, width: wide)
        }
        return middle(height: height, width: width)
    }

    private func middle(height: Int, width: Int) -> PixelWindow {
        let aspect = Double(width) / Double(height)
        var (high, wide) = (height, width)
        if aspect < ratio.lowerBound {
            high = min(height, Int((Double(width) / ratio.lowerBound).rounded(.toNearestOrEven)))
        } else if aspect > ratio.upperBound {
            wide = min(width, Int((Double(height) * ratio.upperBound).rounded(.toNearestOrEven)))
        }
        return PixelWindow(
            top: (height - high) / 2, left: (width - wide) / 2, height: max(high, 1), width: max(wide, 1))
    }
}

extension RandomStream {
    /// Uniform on the range, in Double with 53 random bits.
    mutating func uniform(in range: ClosedRange<Double>) -> Double {
        let unit = Double(next() >> 11) * 0x1p-53
        return range.lowerBound + (range.upperBound - range.lowerBound) * unit
    }
}
