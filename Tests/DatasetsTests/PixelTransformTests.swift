import Datasets
import Testing
import Vectors

private func integers(_ golden: [String], _ places: Range<Int>) throws -> [Int] {
    try golden[places].map { try #require(Int($0)) }
}

@Suite struct PixelTransformTests {
    @Test func `a resize is Pillow's bit for bit`() throws {
        for golden in try imageGoldens("resize") {
            let (from, to) = (try integers(golden, 1..<4), try integers(golden, 5..<7))
            let filter = try #require(ResamplingFilter(rawValue: golden[4]))
            let workspace = pictured(height: from[0], width: from[1], channels: from[2])
            workspace.resize(PixelWindow(of: workspace.image), height: to[0], width: to[1], filter)
            #expect(workspace.image.height == to[0] && workspace.image.width == to[1])
            #expect(workspace.image.checksum == golden[7], "\(golden)")
        }
    }

    @Test func `a resize of a window sees nothing outside of it`() throws {
        for golden in try imageGoldens("window") {
            let (from, to) = (try integers(golden, 1..<4), try integers(golden, 5..<7))
            let filter = try #require(ResamplingFilter(rawValue: golden[4]))
            let workspace = pictured(height: from[0], width: from[1], channels: from[2])
            let window = PixelWindow(top: from[0] / 5, left: from[1] / 7, height: from[0] / 2, width: from[1] / 3)
            workspace.resize(window, height: to[0], width: to[1], filter)
            #expect(workspace.image.checksum == golden[7], "\(golden)")
        }
    }

    @Test func `a random resized crop is torchvision's with the same draws`() throws {
        for golden in try imageGoldens("random-resized") {
            let values = try integers(golden, 1..<8)
            let workspace = pictured(height: values[0], width: values[1])
            let crop = RandomResizedCrop(side: 96)
            var stream = RandomStream(seed: 5, purpose: .test, index: values[2])
            var same = stream
            #expect(
                crop.window(height: values[0], width: values[1], stream: &stream)
                    == PixelWindow(top: values[3], left: values[4], height: values[5], width: values[6]), "\(golden)")
            crop.apply(workspace, stream: &same)
            #expect(workspace.image.checksum == golden[8], "\(golden)")
        }
    }

    @Test func `resize and centre crop are torchvision's`() throws {
        for golden in try imageGoldens("center") {
            let values = try integers(golden, 1..<5)
            let workspace = pictured(height: values[0], width: values[1])
            var stream = RandomStream(seed: 5, purpose: .test)
            CenterCrop(side: values[3], resizedTo: values[2] == 0 ? nil : values[2], filter: .bicubic)
                .apply(workspace, stream: &stream)
            #expect(workspace.image.checksum == golden[5], "\(golden)")
        }
    }

    @Test func `an Inception crop keeps to its areas and ratios, and covers less than torchvision's`() {
        let (inception, torchvision) = (InceptionCrop(side: 8), RandomResizedCrop(side: 8))
        var (covered, compared) = (0.0, 0.0)
        let draws = 20_000
        for index in 0..<draws {
            var stream = RandomStream(seed: 1, purpose: .test, index: index)
            let window = inception.window(height: 375, width: 500, stream: &stream)
            let area = Double(window.height * window.width) / (375 * 500)
            #expect(window.top >= 0 && window.left >= 0)
            #expect(window.top + window.height <= 375 && window.left + window.width <= 500)
            #expect(area >= 0.0499 && (0.72...1.37).contains(Double(window.width) / Double(window.height)))
            covered += area
            let other = torchvision.window(height: 375, width: 500, stream: &stream)
            compared += Double(other.height * other.width) / (375 * 500)
        }
        // Simulated apart from this code: 0.344 and 0.432.
        #expect(abs(covered / Double(draws) - 0.344) < 0.006, "\(covered / Double(draws))")
        #expect(abs(compared / Double(draws) - 0.432) < 0.006, "\(compared / Double(draws))")
    }

    @Test func `interpolation without averaging keeps what has the same size, and the middle of two`() {
        let workspace = pictured(height: 20, width: 30)
        let before = workspace.image.checksum
        workspace.interpolate(PixelWindow(of: workspace.image), height: 20, width: 30)
        #expect(workspace.image.checksum == before)
        let pair = pictured(height: 1, width: 2, channels: 1)
        (pair.image.pixels[0], pair.image.pixels[1]) = (10, 21)
        pair.interpolate(PixelWindow(of: pair.image), height: 1, width: 1)
        #expect(pair.image.pixels[0] == 15)
    }

    @Test func `a flip mirrors half of the images`() {
        var mirrored = 0
        for index in 0..<400 {
            let workspace = pictured(height: 3, width: 5)
            let (first, last) = (workspace.image.pixels[0], workspace.image.pixels[12])
            var stream = RandomStream(seed: 2, purpose: .test, index: index)
            HorizontalFlip().apply(workspace, stream: &stream)
            let isMirrored = workspace.image.pixels[0] == last && workspace.image.pixels[12] == first
            #expect(isMirrored || workspace.image.pixels[0] == first)
            mirrored += isMirrored ? 1 : 0
        }
        #expect((150...250).contains(mirrored))
    }
}
