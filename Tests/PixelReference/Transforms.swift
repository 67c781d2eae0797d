import Datasets
import PolicyCases
import Vectors

/// Transforms of whole images and pipelines, by the names that reference.py knows them by. Rows of the catalog are all
/// of it, so that one without a counterpart there fails the check.
let pixelTransforms: [(name: String, steps: [any PixelTransform])] =
    resizes + crops
    + policyCases.map { ("policy \($0.0)", [$0.1]) }
    + transformCatalog.entries.flatMap { entry in
        // `none` draws nothing.
        guard let decoded = entry.decoded else { return [] as [(name: String, steps: [any PixelTransform])] }
        return [("row \(entry.name)", decoded(ImageGeometry(side: PixelReference.side)))]
    }

private let resizes: [(name: String, steps: [any PixelTransform])] =
    ResamplingFilter.allCases.flatMap { filter in
        [(224, 224), (97, 640), (640, 97), (512, 512)].map { height, width in
            ("resize \(filter) \(height) \(width)", [Resize(height: height, width: width, filter: filter)])
        }
    }

private let crops: [(name: String, steps: [any PixelTransform])] = [
    ("random-resized bilinear", [RandomResizedCrop(side: 224)]),
    ("random-resized bicubic", [RandomResizedCrop(side: 224, filter: .bicubic)]),
    ("center bilinear 256 224", [CenterCrop(side: 224, resizedTo: 256)]),
    ("center bicubic 248 224", [CenterCrop(side: 224, resizedTo: 248, filter: .bicubic)]),
    ("center bilinear 0 288", [CenterCrop(side: 288, resizedTo: nil)]),
    ("flip", [HorizontalFlip()]),
    ("pad-crop-flip", [CropAndFlip(cropPadding: 4, flips: true)]),
    ("inception 0.05 100", [InceptionCrop(side: 224)]),
    ("inception 0.08 10", [InceptionCrop(side: 224, area: 0.08...1, attempts: 10)]),
]

/// Of normalized images.
let planeTransforms: [(String, (any PlaneTransform)?)] = [
    ("erasing timm const", RandomErasing.timm(0.7, filling: .mean)),
    ("erasing timm rand", RandomErasing.timm(0.7, filling: .color)),
    ("erasing timm pixel", RandomErasing.timm(0.7, filling: .pixel)),
    ("erasing torchvision const", RandomErasing.torchvision(0.7)),
    ("cutout", Cutout(size: 112, probability: 0.7)),
]

/// Of a normalized image with the one before it.
let mixings: [(String, BatchMixing)] = [
    ("mixup", BatchMixing(mixUp: 0.8)), ("cutmix", BatchMixing(cutMix: 1)),
]

/// For what operations show from outside of an image: ImageNet's mean.
let fill = PixelColor(124, 116, 104)

/// One of each operation with arguments over all of its range, at a rectangle that any image has.
func operations(stream: inout RandomStream) -> [PixelOperation] {
    func draw(_ first: Double, _ last: Double) -> Double { first + (last - first) * Double(stream.uniform()) }
    var operations: [PixelOperation] = [
        .brightness(draw(0, 2)), .color(draw(0, 2)), .contrast(draw(0, 2)), .contrastAboutCount(draw(0, 2)),
        .sharpness(draw(0, 2)), .posterize(stream.integer(below: 9)), .solarize(draw(0, 256)),
        .solarizeAdd(stream.integer(below: 129)), .autoContrast, .equalize, .invert, .greyscale,
        .gaussianBlur(draw(0.1, 3)), .rectangle(PixelWindow(top: 0, left: 0, height: 1, width: 1)),
    ]
    for filter in AffineFilter.allCases {
        var map = AffineMap()
        (map.xx, map.xy, map.x0) = (draw(0.5, 1.5), draw(-0.5, 0.5), draw(-50, 50))
        (map.yx, map.yy, map.y0) = (draw(-0.5, 0.5), draw(0.5, 1.5), draw(-50, 50))
        operations.append(.affine(map, filter))
    }
    return operations
}

/// Pillow's `resize` of the whole image.
private struct Resize: PixelTransform {
    let height: Int
    let width: Int
    let filter: ResamplingFilter

    func apply(_ workspace: ImageWorkspace, stream: inout RandomStream) {
        workspace.resize(PixelWindow(of: workspace.image), height: height, width: width, filter)
    }
}

/// What a step will draw for an image, from its copy of the stream.
func text(of step: any PixelTransform, on image: PixelImage, _ stream: RandomStream) -> String {
    var stream = stream
    switch step {
    case let crop as RandomResizedCrop:
        return crop.window(height: image.height, width: image.width, stream: &stream).text
    case let crop as InceptionCrop:
        return crop.window(height: image.height, width: image.width, stream: &stream).text
    case is HorizontalFlip: return stream.nextWord() >> 31 == 1 ? "mirrored" : "as it is"
    case let policy as any PixelPolicy:
        var operations: [PixelOperation] = []
        policy.draw(height: image.height, width: image.width, stream: &stream, into: &operations)
        return operations.map(\.text).joined(separator: "; ")
    default: return ""
    }
}

extension PixelWindow {
    var text: String { "window \(top) \(left) \(height) \(width)" }
}

extension PixelOperation {
    /// Its name and arguments, cut at blanks.
    var text: String {
        switch self {
        case .identity: "identity"
        case .affine(let map, let filter):
            "affine-\(filter) \(map.xx) \(map.xy) \(map.x0) \(map.yx) \(map.yy) \(map.y0)"
        case .brightness(let factor): "brightness \(factor)"
        case .color(let factor): "color \(factor)"
        case .contrast(let factor): "contrast \(factor)"
        case .contrastAboutCount(let factor): "contrast-about-count \(factor)"
        case .sharpness(let factor): "sharpness \(factor)"
        case .posterize(let bits): "posterize \(bits)"
        case .solarize(let threshold): "solarize \(threshold)"
        case .solarizeAdd(let addition): "solarize-add \(addition)"
        case .autoContrast: "auto-contrast"
        case .equalize: "equalize"
        case .invert: "invert"
        case .greyscale: "greyscale"
        case .gaussianBlur(let sigma): "gaussian-blur \(sigma)"
        case .rectangle(let window): "rectangle \(window.top) \(window.left) \(window.height) \(window.width)"
        }
    }
}
