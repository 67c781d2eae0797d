import Glibc
import Vectors

/// A random choice of operations on an image: what is drawn is apart from what is done with it.
package protocol PixelPolicy: PixelTransform {
    /// For what a map shows from outside of the image.
    var fill: PixelColor { get }
    /// Appends what is to be done to an image of this size, in order.
    func draw(height: Int, width: Int, stream: inout RandomStream, into operations: inout [PixelOperation])
}

extension PixelPolicy {
    package func apply(_ workspace: ImageWorkspace, stream: inout RandomStream) {
        workspace.operations.removeAll(keepingCapacity: true)
        draw(
            height: workspace.image.height, width: workspace.image.width, stream: &stream, into: &workspace.operations)
        for operation in workspace.operations { operation.apply(workspace, fill: fill) }
    }
}

extension RandomStream {
    /// Whether an event of this probability happens.
    mutating func isHit(_ probability: Double) -> Bool { uniform(in: 0...1) < probability }
}

/// The operations that torchvision's policies name, in the order of its tables.
package enum OperationName: String, CaseIterable, Sendable {
    case identity
    case shearX
    case shearY
    case translateX
    case translateY
    case rotate
    case brightness
    case color
    case contrast
    case sharpness
    case posterize
    case solarize
    case autoContrast
    case equalize
    case invert

    /// Those whose magnitude is taken with either sign.
    var isSigned: Bool {
        switch self {
        case .shearX, .shearY, .translateX, .translateY, .rotate, .brightness, .color, .contrast, .sharpness: true
        case .identity, .posterize, .solarize, .autoContrast, .equalize, .invert: false
        }
    }

    /// Those that have a magnitude.
    var isGraded: Bool { isSigned || self == .posterize || self == .solarize }
}

/// The ranges that torchvision cuts into bins of magnitudes, of which bin 0 hardly changes an image.
struct MagnitudeSpace {
    let bins: Int
    var shear: Float = 0.3
    /// In pixels; nil for 150/331 of the image.
    var translation: Float?
    var degrees: Float = 30
    var enhancement: Float = 0.9
    /// Bits that the last bin keeps.
    var leastBits = 4
    let height: Int
    let width: Int
    let filter: AffineFilter

    init(bins: Int, height: Int, width: Int, filter: AffineFilter) {
        (self.bins, self.height, self.width, self.filter) = (bins, height, width, filter)
    }

    /// The operation at a bin's magnitude, which is in float32 as torch's `linspace` gives it.
    func operation(_ name: OperationName, bin: Int, isNegative: Bool) -> PixelOperation {
        func magnitude(_ last: Float) -> Double { (isNegative ? -1 : 1) * Double(value(bin, from: 0, to: last)) }
        func pixels(_ size: Int) -> Double {
            -magnitude(translation ?? Float(150.0 / 331 * Double(size))).rounded(.towardZero)
        }
        switch name {
        case .identity: return .identity
        case .shearX: return .affine(.shearX(magnitude(shear).sheared.x), filter)
        case .shearY: return .affine(.shearY(magnitude(shear).sheared.y), filter)
        case .translateX: return .affine(.offset(x: pixels(width)), filter)
        case .translateY: return .affine(.offset(y: pixels(height)), filter)
        case .rotate:
            return .affine(.rotation(degrees: magnitude(degrees), height: height, width: width), filter)
        case .brightness: return .brightness(1 + magnitude(enhancement))
        case .color: return .color(1 + magnitude(enhancement))
        case .contrast: return .contrast(1 + magnitude(enhancement))
        case .sharpness: return .sharpness(1 + magnitude(enhancement))
        case .posterize:
            let step = Float(bins - 1) / Float(8 - leastBits)
            return .posterize(8 - Int((Float(bin) / step).rounded(.toNearestOrEven)))
        case .solarize: return .solarize(Double(value(bin, from: 255, to: 0)))
        case .autoContrast: return .autoContrast
        case .equalize: return .equalize
        case .invert: return .invert
        }
    }

    /// torch's `linspace`, which counts from the nearer end, by fused multiply-adds.
    private func value(_ bin: Int, from first: Float, to last: Float) -> Float {
        let step = (last - first) / Float(bins - 1)
        return bin < bins / 2
            ? first.addingProduct(step, Float(bin)) : last.addingProduct(-step, Float(bins - 1 - bin))
    }
}

extension Double {
    /// The factor by way of its angle, as torchvision computes it.
    fileprivate var sheared: (x: Double, y: Double) {
        let angle = (atan(self) * (180 / Double.pi)) * (Double.pi / 180)
        return (tan(angle), sin(angle) / cos(angle))
    }
}
