import Vectors

/// Google's RandAugment, `randaug(n, m)` of big_vision, of the ViT papers and of the SAM repository.
///
/// Each of `count` operations is one of 16, drawn with replacement, and always applied. With ℓ = `magnitude` / 10,
/// which may exceed 1: rotate ±30ℓ°, shear ±0.3ℓ, translate ±100ℓ pixels (signs are drawn for these alone);
/// color, contrast, brightness and sharpness 0.1 + 1.8ℓ; posterize to ⌊4ℓ⌋ bits; solarize from ⌊256ℓ⌋;
/// solarize's addition ⌊110ℓ⌋; cutout of squares of half side ⌊40ℓ⌋ about a pixel of the image.
///
/// So at 10, the usual magnitude, solarize does nothing, and enhancements always go up, to 1.9; 0 is not "off". What
/// comes from outside is grey, 128. Contrast is about the number of pixels over 256 (see
/// ``PixelOperation/contrastAboutCount(_:)``). Arithmetic is Pillow's, TensorFlow's may round differently: there shears
/// are about the centre of the first pixel, here about its corner.
package struct RandAugmentBigVision: PixelPolicy, Equatable {
    /// The operations in big_vision's order.
    package enum Name: Int, CaseIterable, Sendable {
        case autoContrast
        case equalize
        case invert
        case rotate
        case posterize
        case solarize
        case color
        case contrast
        case brightness
        case sharpness
        case shearX
        case shearY
        case translateX
        case translateY
        case cutout
        case solarizeAdd
    }

    package var count: Int
    package var magnitude: Double
    package var fill = PixelColor(repeating: 128)

    package init(count: Int = 2, magnitude: Double = 10) {
        precondition(count >= 0 && magnitude >= 0, "\(count) operations at magnitude \(magnitude)")
        (self.count, self.magnitude) = (count, magnitude)
    }

    package func draw(
        height: Int, width: Int, stream: inout RandomStream, into operations: inout [PixelOperation]
    ) {
        for _ in 0..<count {
            let name = Name.allCases[stream.integer(below: Name.allCases.count)]
            operations.append(operation(name, height: height, width: width, stream: &stream))
        }
    }

    func operation(_ name: Name, height: Int, width: Int, stream: inout RandomStream) -> PixelOperation {
        let part = magnitude / 10
        func signed(_ value: Double) -> Double { stream.integer(below: 2) == 1 ? value : -value }
        let factor = part * 1.8 + 0.1
        switch name {
        case .autoContrast: return .autoContrast
        case .equalize: return .equalize
        case .invert: return .invert
        case .rotate:
            return .affine(.rotation(degrees: signed(part * 30), height: height, width: width), .nearest)
        case .posterize: return .posterize(Int(part * 4))
        case .solarize: return .solarize(Double(Int(part * 256)))
        case .color: return .color(factor)
        case .contrast: return .contrastAboutCount(factor)
        case .brightness: return .brightness(factor)
        case .sharpness: return .sharpness(factor)
        case .shearX: return .affine(.shearX(signed(part * 0.3)), .nearest)
        case .shearY: return .affine(.shearY(signed(part * 0.3)), .nearest)
        case .translateX: return .affine(.offset(x: signed(part * 100)), .nearest)
        case .translateY: return .affine(.offset(y: signed(part * 100)), .nearest)
        case .cutout:
            let half = Int(part * 40)
            let (y, x) = (stream.integer(below: height), stream.integer(below: width))
            let (top, left) = (max(0, y - half), max(0, x - half))
            return .rectangle(
                PixelWindow(
                    top: top, left: left, height: min(height, y + half) - top, width: min(width, x + half) - left))
        case .solarizeAdd: return .solarizeAdd(Int(part * 110))
        }
    }
}
