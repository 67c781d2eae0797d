import Vectors

/// 3-Augment of DeiT III (Touvron, Cord and Jégou 2022, "DeiT III: revenge of the ViT"): one of greyscale,
/// solarization from 128 and a Gaussian blur of σ uniform in 0.1 ... 2, all equally likely, and then ``ColorJitter``
/// by 0.3.
///
/// In the recipe it follows a bicubic random resized crop and a flip, without random erasing.
package struct ThreeAugment: PixelPolicy, Equatable {
    /// Nil for none.
    package var jitter: ColorJitter? = ColorJitter(0.3)
    package var fill: PixelColor { PixelColor() }

    package init() {}

    package func draw(
        height: Int, width: Int, stream: inout RandomStream, into operations: inout [PixelOperation]
    ) {
        switch stream.integer(below: 3) {
        case 0: operations.append(.greyscale)
        case 1: operations.append(.solarize(128))
        default: operations.append(.gaussianBlur(stream.uniform(in: 0.1...2)))
        }
        jitter?.draw(height: height, width: width, stream: &stream, into: &operations)
    }
}

/// torchvision's `ColorJitter`: brightness, contrast and saturation by factors uniform in max(0, 1 − x) ... 1 + x, in
/// an order that is drawn. Hue stays.
package struct ColorJitter: PixelPolicy, Equatable {
    package var brightness: Double
    package var contrast: Double
    package var saturation: Double
    package var fill: PixelColor { PixelColor() }

    /// The same range for all three.
    package init(_ strength: Double) {
        precondition(strength >= 0, "color jitter of \(strength)")
        (brightness, contrast, saturation) = (strength, strength, strength)
    }

    package func draw(
        height: Int, width: Int, stream: inout RandomStream, into operations: inout [PixelOperation]
    ) {
        let first = operations.count
        func factor(_ strength: Double) -> Double { stream.uniform(in: max(0, 1 - strength)...1 + strength) }
        operations.append(.brightness(factor(brightness)))
        operations.append(.contrast(factor(contrast)))
        operations.append(.color(factor(saturation)))
        for last in [2, 1] { operations.swapAt(first + last, first + stream.integer(below: last + 1)) }
    }
}
