import Vectors

/// AutoAugment's policy for CIFAR-10 as the CR-SAM authors' code applies it (`utils/autoaugment.py`).
///
/// A step's magnitude m stands for a range, of which a value is drawn: the m-th tenth of shears −0.3…0.3,
/// translations −150/331…150/331 of the image, rotations −30°…30°, enhancements 0.1…1.9, solarize's
/// thresholds 0…256, posterize's bits 4…8. So there is no sign to draw: low magnitudes are negative. Shears and
/// rotations are about a point one pixel right of and below the middle. There x and y of shears are exchanged, which is
/// kept.
///
/// Moved pixels are interpolated by Pillow's bicubic filter, theirs by SciPy's cubic spline: those differ, slightly, in
/// value.
package struct OfficialAutoAugment: PixelPolicy, Equatable {
    package var fill = PixelColor()

    package init() {}

    package func draw(
        height: Int, width: Int, stream: inout RandomStream, into operations: inout [PixelOperation]
    ) {
        let pairs = AutoAugmentTable.cifar10.pairs
        let pair = pairs[stream.integer(below: pairs.count)]
        for step in [pair.first, pair.second] where stream.isHit(step.probability) {
            operations.append(operation(step, height: height, width: width, stream: &stream))
        }
    }

    private func operation(
        _ step: AutoAugmentTable.Step, height: Int, width: Int, stream: inout RandomStream
    ) -> PixelOperation {
        func draw(_ first: Double, _ last: Double) -> Double {
            let tenth = (last - first) / 10
            return stream.uniform(
                in: first + tenth * Double(step.magnitude)...first + tenth * Double(step.magnitude + 1))
        }
        func centred(_ map: AffineMap) -> PixelOperation {
            .affine(map.about(x: Double(width) / 2 + 1, y: Double(height) / 2 + 1), .bicubic)
        }
        switch step.name {
        case .identity: return .identity
        case .shearX: return centred(.shearY(draw(-0.3, 0.3)))
        case .shearY: return centred(.shearX(draw(-0.3, 0.3)))
        case .translateX: return .affine(.offset(x: Double(width) * draw(-150.0 / 331, 150.0 / 331)), .bicubic)
        case .translateY: return .affine(.offset(y: Double(height) * draw(-150.0 / 331, 150.0 / 331)), .bicubic)
        case .rotate: return centred(.rotation(degrees: -draw(-30, 30), height: 0, width: 0))
        case .brightness: return .brightness(draw(0.1, 1.9))
        case .color: return .color(draw(0.1, 1.9))
        case .contrast: return .contrast(draw(0.1, 1.9))
        case .sharpness: return .sharpness(draw(0.1, 1.9))
        case .posterize: return .posterize(Int(draw(4, 8).rounded(.toNearestOrEven)))
        case .solarize: return .solarize(draw(0, 256))
        case .autoContrast: return .autoContrast
        case .equalize: return .equalize
        case .invert: return .invert
        }
    }
}
