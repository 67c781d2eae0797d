import Vectors

/// timm's RandAugment, `rand-m9-mstd0.5-inc1` in its spelling: the augmentation of DeiT and ResNet Strikes Back.
///
/// Each of `count` operations is one of 15, drawn with replacement, and applied with probability 1/2. Its level is
/// drawn from N(`magnitude`, `deviation`²) and clamped to 0 ... `maximum`; signs are drawn. With ℓ the level / 10:
/// rotate ±30ℓ°, shear ±0.3ℓ about the corner, translate ±0.45ℓ of the image, solarize below-128 addition
/// ⌊110ℓ⌋, and
///
/// | | `isIncreasing` (inc1) | otherwise |
/// |---|---|---|
/// | posterize to bits | 4 − ⌊4ℓ⌋ | ⌊4ℓ⌋ |
/// | solarize from | 256 − min(256, ⌊256ℓ⌋) | min(256, ⌊256ℓ⌋) |
/// | color, contrast, brightness, sharpness | max(0.1, 1 ± 0.9ℓ) | 0.1 + 1.8ℓ |
///
/// Posterize to 0 bits is black, as with Pillow up to 12; Pillow 13 refuses it.
package struct RandAugmentTimm: PixelPolicy, Equatable {
    /// timm's operations in its order.
    package enum Name: Int, CaseIterable, Sendable {
        case autoContrast
        case equalize
        case invert
        case rotate
        case posterize
        case solarize
        case solarizeAdd
        case color
        case contrast
        case brightness
        case sharpness
        case shearX
        case shearY
        case translateX
        case translateY
    }

    package var count = 2
    package var magnitude = 9.0
    /// `mstd`: 0 for the magnitude itself; infinite for a uniform draw from 0 to the magnitude.
    package var deviation = 0.5
    package var isIncreasing = true
    package var probability = 0.5
    /// `mmax`.
    package var maximum = 10.0
    /// Nil for bilinear or bicubic, drawn for each operation.
    package var filter: AffineFilter? = AffineFilter.bicubic
    /// ImageNet's mean.
    package var fill = PixelColor(124, 116, 104)

    package init() {}

    package func draw(
        height: Int, width: Int, stream: inout RandomStream, into operations: inout [PixelOperation]
    ) {
        for _ in 0..<count {
            let name = Name.allCases[stream.integer(below: Name.allCases.count)]
            if probability < 1 && stream.uniform(in: 0...1) > probability { continue }
            let level = level(&stream)
            operations.append(operation(name, level: level, height: height, width: width, stream: &stream))
        }
    }

    private func level(_ stream: inout RandomStream) -> Double {
        var level = magnitude
        if deviation == .infinity {
            level = stream.uniform(in: 0...magnitude)
        } else if deviation > 0 {
            level += Double(stream.normal()) * deviation
        }
        return max(0, min(level, maximum))
    }

    /// What an operation does at a level of 0 ... 10 and, with `maximum`, beyond.
    private func operation(
        _ name: Name, level: Double, height: Int, width: Int, stream: inout RandomStream
    ) -> PixelOperation {
        let part = level / 10
        func signed(_ value: Double) -> Double { stream.uniform(in: 0...1) > 0.5 ? -value : value }
        func moved(_ map: AffineMap) -> PixelOperation {
            .affine(map, filter ?? (stream.integer(below: 2) == 0 ? .bilinear : .bicubic))
        }
        func factor() -> Double { isIncreasing ? max(0.1, 1 + signed(part * 0.9)) : part * 1.8 + 0.1 }
        switch name {
        case .autoContrast: return .autoContrast
        case .equalize: return .equalize
        case .invert: return .invert
        case .rotate: return moved(.rotation(degrees: signed(part * 30), height: height, width: width))
        case .posterize: return .posterize(isIncreasing ? 4 - Int(part * 4) : Int(part * 4))
        case .solarize:
            let threshold = min(256, Int(part * 256))
            return .solarize(Double(isIncreasing ? 256 - threshold : threshold))
        case .solarizeAdd: return .solarizeAdd(min(128, Int(part * 110)))
        case .color: return .color(factor())
        case .contrast: return .contrast(factor())
        case .brightness: return .brightness(factor())
        case .sharpness: return .sharpness(factor())
        case .shearX: return moved(.shearX(signed(part * 0.3)))
        case .shearY: return moved(.shearY(signed(part * 0.3)))
        case .translateX: return moved(.offset(x: signed(part * 0.45) * Double(width)))
        case .translateY: return moved(.offset(y: signed(part * 0.45) * Double(height)))
        }
    }
}
