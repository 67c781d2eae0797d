import Datasets
import Testing
import Vectors

@Suite struct ImageDecoderTests {
    private let decoder: ImageDecoder
    private let image = PixelImage()

    init() throws { decoder = try ImageDecoder() }

    private func decode(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try decoder.decode($0, into: image) }
    }

    @Test func `every kind of file becomes the RGB that Pillow makes of it, one after another`() throws {
        for golden in try imageGoldens("decode") {
            try decode(goldenFile("images/\(golden[1])"))
            #expect(
                "\(image.height) \(image.width) \(image.checksum)" == golden[2...].joined(separator: " "), "\(golden)")
        }
    }

    @Test(arguments: ["444.jpg", "420.jpg", "progressive.jpg", "cmyk.jpg", "rgb.png", "palette.png"])
    func `a file cut anywhere is an error in one line`(name: String) throws {
        let whole = try goldenFile("images/\(name)")
        for count in 0..<whole.count - 2 {
            let error = #expect(throws: DecodingError.self, "cut to \(count)") { try decode(Array(whole[..<count])) }
            #expect(error?.description.isEmpty == false && error?.description.contains("\n") == false)
        }
        try decode(whole)
    }

    @Test func `random damage gives an image or an error, never a crash`() throws {
        for golden in try imageGoldens("decode") {
            let whole = try goldenFile("images/\(golden[1])")
            for round in 0..<200 {
                var stream = RandomStream(seed: 3, purpose: .test, epoch: round, index: whole.count)
                var damaged = whole
                for _ in 0...stream.integer(below: 4) {
                    damaged[stream.integer(below: damaged.count)] = UInt8(truncatingIfNeeded: stream.nextWord())
                }
                do { try decode(damaged) } catch let error as DecodingError { #expect(!error.reason.isEmpty) }
            }
        }
    }

    @Test func `a header of more pixels than are allowed is refused before memory is taken`() throws {
        var jpeg = try goldenFile("images/444.jpg")
        // Height and width stand after the marker of a baseline frame, its length and precision.
        let frame = try #require((0..<jpeg.count - 1).first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
        jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0xEA, 0x60, 0xEA, 0x60])
        let error = try #require(throws: DecodingError.self) { try decode(jpeg) }
        #expect(error.kind == .tooLarge && error.reason.contains("60000 x 60000"))
    }

    @Test func `the size is in the header alone`() throws {
        let bytes = try goldenFile("images/420.jpg")
        let size = try bytes[..<(bytes.count - 50)].withUnsafeBytes { bytes in
            try decoder.size(of: UnsafeRawBufferPointer(rebasing: bytes[...]))
        }
        #expect(size == (37, 53))
    }

    @Test func `what is neither JPEG nor PNG is called so`() throws {
        for bytes in [Array("GIF89a and so on".utf8), [0, 1, 2], Array("<html>".utf8)] {
            let error = try #require(throws: DecodingError.self) { try decode(bytes) }
            #expect(error.kind == .unsupported && error.reason == "neither JPEG nor PNG")
        }
    }
}
