import CZlib
import Datasets
import Files
import Testing
import Vectors

/// The lines of Goldens/expected.txt that begin with a word, cut at blanks.
func imageGoldens(_ kind: String) throws -> [[String]] {
    let lines = try String(decoding: goldenFile("expected.txt"), as: UTF8.self).split(separator: "\n")
    let chosen = lines.map { $0.split(separator: " ").map(String.init) }.filter { $0[0] == kind }
    try #require(chosen.count > 5)
    return chosen
}

func goldenFile(_ name: String) throws -> [UInt8] {
    let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    let file = try InputFile("\(folder)/Goldens/\(name)")
    return try file.bytes(at: 0, count: file.byteCount)
}

extension PixelImage {
    /// As `zlib.crc32`, in eight hexadecimal digits.
    var checksum: String {
        let text = String(crc32(0, pixels, UInt32(count)), radix: 16)
        return String(repeating: "0", count: 8 - text.count) + text
    }
}

/// A workspace with the picture that generate.py draws.
func pictured(height: Int, width: Int, channels: Int = 3) -> ImageWorkspace {
    let workspace = ImageWorkspace()
    workspace.image.reshape(height: height, width: width, channels: channels)
    for y in 0..<height {
        for x in 0..<width {
            for c in 0..<channels {
                let value = 3 * x + 5 * y + 61 * c + ((x / 9 + y / 7) % 2) * 128 + ((x * y) >> 4)
                workspace.image.pixels[(y * width + x) * channels + c] = UInt8(value & 255)
            }
        }
    }
    return workspace
}
