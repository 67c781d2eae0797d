import Glibc

/// How an affine map's results follow from the pixels around the places that they come from.
package enum AffineFilter: String, CaseIterable, Sendable {
    case nearest
    case bilinear
    /// Cubic convolution with a = −1, not the −1/2 of resizing.
    case bicubic
}

/// The place in an image that each pixel of the result shows: x' = xx·x + xy·y + x0 and y' = yx·x + yy·y + y0,
/// where pixel (0, 0) has its centre at (1/2, 1/2).
///
/// As Pillow's `Image.transform(size, AFFINE, (xx, xy, x0, yx, yy, y0))`.
package struct AffineMap: Sendable, Equatable {
    package var xx = 1.0
    package var xy = 0.0
    package var x0 = 0.0
    package var yx = 0.0
    package var yy = 1.0
    package var y0 = 0.0

    package init() {}

    /// Each row comes from `factor` times its y further right: shear about the upper left corner.
    package static func shearX(_ factor: Double) -> AffineMap {
        var map = AffineMap()
        map.xy = factor
        return map
    }

    /// Each column comes from `factor` times its x further down.
    package static func shearY(_ factor: Double) -> AffineMap {
        var map = AffineMap()
        map.yx = factor
        return map
    }

    /// Every pixel comes from so many pixels further right and down.
    package static func offset(x: Double = 0, y: Double = 0) -> AffineMap {
        var map = AffineMap()
        (map.x0, map.y0) = (x, y)
        return map
    }

    /// Turned about the middle, counter-clockwise, as Pillow's `Image.rotate`: sine and cosine are rounded to 15
    /// decimals.
    package static func rotation(degrees: Double, height: Int, width: Int) -> AffineMap {
        var turned = fmod(degrees, 360)
        if turned < 0 { turned += 360 }
        let angle = -(turned * (Double.pi / 180))
        var map = AffineMap()
        map.xx = rounded(cos(angle))
        map.xy = rounded(sin(angle))
        map.yx = rounded(-sin(angle))
        map.yy = map.xx
        return map.about(x: Double(width) / 2, y: Double(height) / 2)
    }

    /// The same linear map with (x, y) in its place.
    package func about(x: Double, y: Double) -> AffineMap {
        var map = self
        map.x0 = xx * -x + xy * -y + 0
        map.y0 = yx * -x + yy * -y + 0
        map.x0 += x
        map.y0 += y
        return map
    }

    /// Rounded to 15 decimals, half to even, without the error of the product with 10¹⁵.
    private static func rounded(_ value: Double) -> Double {
        let product = value * 1e15
        let error = (-product).addingProduct(value, 1e15)
        var whole = product.rounded(.toNearestOrEven)
        let rest = (product - whole) + error
        if rest > 0.5 { whole += 1 } else if rest < -0.5 { whole -= 1 }
        return whole / 1e15
    }

    fileprivate func place(_ x: Int, _ y: Int) -> (x: Double, y: Double) {
        let (x, y) = (Double(x) + 0.5, Double(y) + 0.5)
        return (xx * x + xy * y + x0, yx * x + yy * y + y0)
    }

    /// Whether 16 bits before and after the point hold all places, as Pillow asks of the corners.
    fileprivate func fitsFixedPoint(height: Int, width: Int) -> Bool {
        [(0, 0), (width, height), (0, height), (width, 0)].allSatisfy { x, y in
            abs(Double(x) * xx + Double(y) * xy + x0) < 32768 && abs(Double(x) * yx + Double(y) * yy + y0) < 32768
        }
    }
}

/// A colour for what lies outside of an image; grey images take the first value.
package typealias PixelColor = SIMD3<UInt8>

extension ImageWorkspace {
    /// Moves the pixels, of an image that keeps its size, to the bit as Pillow (`Geometry.c`). What comes from outside
    /// takes the colour `fill`.
    package func transform(_ map: AffineMap, _ filter: AffineFilter, fill: PixelColor) {
        spare.reshape(height: image.height, width: image.width, channels: image.channels)
        spare.fill(PixelWindow(of: spare), with: fill)
        switch filter {
        case .nearest:
            if map.xy == 0 && map.yx == 0 || !map.fitsFixedPoint(height: image.height, width: image.width) {
                moveNearest(map)
            } else {
                moveNearestInFixedPoint(map)
            }
        case .bilinear: moveBilinear(map)
        case .bicubic: moveBicubic(map)
        }
        swapImages()
    }

    /// In steps of 2⁻¹⁶ of a pixel.
    private func moveNearestInFixedPoint(_ map: AffineMap) {
        func fixed(_ value: Double) -> Int { Int((value * 65536 + 0.5).rounded(.down)) }
        let (height, width, channels) = (image.height, image.width, image.channels)
        let (acrossX, acrossY) = (fixed(map.xx), fixed(map.yx))
        let (downX, downY) = (fixed(map.xy), fixed(map.yy))
        var rowX = fixed(map.x0 + map.xx * 0.5 + map.xy * 0.5)
        var rowY = fixed(map.y0 + map.yx * 0.5 + map.yy * 0.5)
        var target = spare.pixels
        for _ in 0..<height {
            var (x, y) = (rowX, rowY)
            for _ in 0..<width {
                let (column, row) = (x >> 16, y >> 16)
                if column >= 0 && column < width && row >= 0 && row < height {
                    copyPixel(image.pixels + (row &* width &+ column) &* channels, to: target, channels)
                }
                target += channels
                x &+= acrossX
                y &+= acrossY
            }
            rowX &+= downX
            rowY &+= downY
        }
    }

    /// In Double, summed along rows and columns: Pillow's way of maps without shear, and of large images.
    private func moveNearest(_ map: AffineMap) {
        let (height, width, channels) = (image.height, image.width, image.channels)
        var (rowX, rowY) = (map.x0 + map.xy * 0.5 + map.xx * 0.5, map.y0 + map.yy * 0.5 + map.yx * 0.5)
        var target = spare.pixels
        for _ in 0..<height {
            var (x, y) = (rowX, rowY)
            for _ in 0..<width {
                if x >= 0 && x < Double(width) && y >= 0 && y < Double(height) {
                    copyPixel(image.pixels + (Int(y) &* width &+ Int(x)) &* channels, to: target, channels)
                }
                target += channels
                x += map.xx
                y += map.yx
            }
            rowX += map.xy
            rowY += map.yy
        }
    }

    /// Calls `body` for each pixel whose source lies in the image: with where it is written, the source's neighbour to
    /// the upper left, and how far the source is from that one's centre.
    @inline(__always)
    private func forEachSource(
        _ map: AffineMap, _ body: (UnsafeMutablePointer<UInt8>, _ left: Int, _ top: Int, Double, Double) -> Void
    ) {
        let (height, width) = (image.height, image.width)
        var target = spare.pixels
        for y in 0..<height {
            for x in 0..<width {
                defer { target += image.channels }
                let place = map.place(x, y)
                guard place.x >= 0, place.x < Double(width), place.y >= 0, place.y < Double(height) else { continue }
                let (left, top) = ((place.x - 0.5).rounded(.down), (place.y - 0.5).rounded(.down))
                body(target, Int(left), Int(top), place.x - 0.5 - left, place.y - 0.5 - top)
            }
        }
    }

    /// Between four neighbours, whose row or column at an edge is repeated; cut to 8 bits, not rounded.
    private func moveBilinear(_ map: AffineMap) {
        let (height, width, channels) = (image.height, image.width, image.channels)
        forEachSource(map) { target, column, row, dx, dy in
            let (first, second) = (max(column, 0) &* channels, min(column &+ 1, width &- 1) &* channels)
            let upper = image.pixels + max(row, 0) &* width &* channels
            let lower = row &+ 1 < height ? image.pixels + (row &+ 1) &* width &* channels : upper
            for channel in 0..<channels {
                func value(_ line: UnsafeMutablePointer<UInt8>) -> Double {
                    let (a, b) = (Double(line[first &+ channel]), Double(line[second &+ channel]))
                    return a + (b - a) * dx
                }
                let (above, below) = (value(upper), value(lower))
                target[channel] = UInt8(above + (below - above) * dy)
            }
        }
    }

    /// From 4 x 4 neighbours, with edges repeated; cut to 8 bits, not rounded.
    private func moveBicubic(_ map: AffineMap) {
        let (height, width, channels) = (image.height, image.width, image.channels)
        forEachSource(map) { target, left, top, dx, dy in
            let (column, row) = (left &- 1, top &- 1)
            let columns = SIMD4(0, 1, 2, 3) &+ column
            let places = columns.clamped(lowerBound: .zero, upperBound: SIMD4(repeating: width - 1)) &* channels
            for channel in 0..<channels {
                func value(_ row: Int) -> Double {
                    let line = image.pixels + (row &* width &* channels &+ channel)
                    return Self.cubic(
                        Double(line[places[0]]), Double(line[places[1]]), Double(line[places[2]]),
                        Double(line[places[3]]), dx)
                }
                let first = value(min(max(row, 0), height - 1))
                let second = row &+ 1 >= 0 && row &+ 1 < height ? value(row &+ 1) : first
                let third = row &+ 2 < height ? value(row &+ 2) : second
                let fourth = row &+ 3 < height ? value(row &+ 3) : third
                let result = Self.cubic(first, second, third, fourth, dy)
                target[channel] = result <= 0 ? 0 : result >= 255 ? 255 : UInt8(result)
            }
        }
    }

    private static func cubic(_ a: Double, _ b: Double, _ c: Double, _ d: Double, _ place: Double) -> Double {
        let slope = -a + c
        let square = 2 * (a - b) + c - d
        let cube = -a + b - c + d
        return b + place * (slope + place * (square + place * cube))
    }

    private func copyPixel(
        _ source: UnsafeMutablePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, _ channels: Int
    ) {
        for channel in 0..<channels { target[channel] = source[channel] }
    }
}

extension PixelImage {
    /// Fills a part of the image with a colour.
    package func fill(_ window: PixelWindow, with color: PixelColor) {
        for y in window.top..<window.top + window.height {
            let row = pixels + (y * width + window.left) * channels
            for place in 0..<window.width * channels { row[place] = color[place % channels] }
        }
    }
}
