import Vectors

/// The image resized so that its shorter side is `shorter`, and a square of `side` from its middle: evaluation on
/// ImageNet.
///
/// As torchvision's `Resize(shorter)`, the longer side rounded down, followed by `CenterCrop(side)`, whose offset of an
/// odd difference is rounded half to even; what lies outside of the image is black. timm's evaluation at a `crop_pct` p
/// has `shorter` = ⌊side / p⌋: 256 of 0.875, 248 of 0.9, 235 of 0.95.
package struct CenterCrop: PixelTransform, Equatable {
    /// Nil: the image keeps its size.
    package var shorter: Int?
    package var side: Int
    package var filter = ResamplingFilter.bilinear

    package init(side: Int, resizedTo shorter: Int?, filter: ResamplingFilter = .bilinear) {
        precondition(side > 0 && shorter ?? 1 > 0, "a crop of \(side) at \(shorter ?? side)")
        (self.side, self.shorter, self.filter) = (side, shorter, filter)
    }

    package func apply(_ workspace: ImageWorkspace, stream: inout RandomStream) {
        let (height, width) = (workspace.image.height, workspace.image.width)
        if let shorter, min(height, width) != shorter {
            let longer = Int(Double(shorter) * Double(max(height, width)) / Double(min(height, width)))
            workspace.resize(
                PixelWindow(of: workspace.image), height: height <= width ? shorter : longer,
                width: height <= width ? longer : shorter, filter)
        }
        let image = workspace.image
        if image.height < side || image.width < side {
            workspace.pad(height: max(side, image.height), width: max(side, image.width))
        }
        let window = PixelWindow(
            top: Self.offset(workspace.image.height - side), left: Self.offset(workspace.image.width - side),
            height: side, width: side)
        if window != PixelWindow(of: workspace.image) { workspace.cut(window) }
    }

    private static func offset(_ difference: Int) -> Int {
        Int((Double(difference) / 2).rounded(.toNearestOrEven))
    }
}

extension ImageWorkspace {
    /// Puts the image into the middle of a larger black one; of an odd difference the first side gets less.
    func pad(height: Int, width: Int) {
        let row = image.width * image.channels
        let (top, left) = ((height - image.height) / 2, (width - image.width) / 2)
        spare.reshape(height: height, width: width, channels: image.channels)
        spare.pixels.update(repeating: 0, count: spare.count)
        for y in 0..<image.height {
            (spare.pixels + ((top + y) * width + left) * image.channels).update(
                from: image.pixels + y * row, count: row)
        }
        swapImages()
    }
}
