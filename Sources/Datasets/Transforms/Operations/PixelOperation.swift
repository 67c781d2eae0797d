import Vectors

/// What a policy does to an image once everything random is drawn: an operation and its argument.
package enum PixelOperation: Sendable, Equatable {
    case identity
    case affine(AffineMap, AffineFilter)
    case brightness(Double)
    case color(Double)
    case contrast(Double)
    /// The contrast of TensorFlow's RandAugment, which takes the number of pixels divided by 256, at most 255, for the
    /// mean grey: 196 at 224 x 224.
    case contrastAboutCount(Double)
    case sharpness(Double)
    /// Bits that are kept.
    case posterize(Int)
    /// Threshold.
    case solarize(Double)
    /// Addition below 128.
    case solarizeAdd(Int)
    case autoContrast
    case equalize
    case invert
    case greyscale
    /// Standard deviation in pixels.
    case gaussianBlur(Double)
    /// A part filled with the policy's colour.
    case rectangle(PixelWindow)

    /// - Parameter fill: for what an affine map shows from outside of the image, and for rectangles.
    package func apply(_ workspace: ImageWorkspace, fill: PixelColor) {
        let image = workspace.image
        switch self {
        case .identity: break
        case .affine(let map, let filter): workspace.transform(map, filter, fill: fill)
        case .brightness(let factor): image.adjustBrightness(factor)
        case .color(let factor): image.adjustColor(factor)
        case .contrast(let factor): image.adjustContrast(factor)
        case .contrastAboutCount(let factor):
            image.adjustContrast(factor, about: min(image.height * image.width / 256, 255))
        case .sharpness(let factor): workspace.adjustSharpness(factor)
        case .posterize(let bits): image.posterize(bits: bits)
        case .solarize(let threshold): image.solarize(threshold: threshold)
        case .solarizeAdd(let addition): image.solarizeAdd(addition)
        case .autoContrast: image.autoContrast()
        case .equalize: image.equalize()
        case .invert: image.invert()
        case .greyscale: image.removeColor()
        case .gaussianBlur(let sigma): workspace.blur(sigma: sigma)
        case .rectangle(let window): image.fill(window, with: fill)
        }
    }
}
