import Datasets
import Files
import Glibc
import Vectors

/// `image-transforms FOLDER`: what the library makes of every file of a folder, for reference.py to hold against
/// Pillow, torchvision and timm (`Tests/Checks/pixels`).
///
/// To the standard output goes a record for each transform of each file: a line of file, transform, height, width,
/// channels, `uint8` or `float32`, index of the random stream, and what was drawn, cut at tabs; then the values, rows x
/// columns x channels of uint8 or channels x rows x columns of float32. A file that is no image has the transform
/// `error` and no values.
@main
enum ImageTransforms {
    static func main() {
        do {
            guard CommandLine.arguments.count == 2 else { throw UsageError() }
            let folder = CommandLine.arguments[1]
            var reference = try PixelReference()
            for (number, name) in try Folder.names(in: folder).sorted().enumerated() {
                try reference.write(name, number, bytes: bytes(of: "\(folder)/\(name)"))
            }
            fflush(nil)
        } catch {
            let message = "image-transforms: \(error)\n"
            write(2, message, message.utf8.count)
            exit(1)
        }
    }

    private static func bytes(of path: String) throws -> [UInt8] {
        let file = try InputFile(path)
        return try file.bytes(at: 0, count: file.byteCount)
    }
}

struct UsageError: Error, CustomStringConvertible {
    var description: String { "takes one folder" }
}

/// Writes the records of one file after another.
struct PixelReference {
    static let side = 224
    private static let shape = ImageShape(channels: 3, height: side, width: side)
    private static let levels = ChannelNormalization(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]).levels

    /// The standard output.
    private let output: UnsafeMutablePointer<FILE>
    private let decoder: ImageDecoder
    private let decoded = PixelImage()
    private let workspace = ImageWorkspace()
    private let planes = FlatVector(count: shape.count)
    /// The normalized middle of the image before.
    private let previous = FlatVector(count: shape.count)
    private var name = ""
    private var number = 0

    init() throws {
        guard let output = fdopen(1, "w") else { throw FileError.last("write to", "the standard output") }
        self.output = output
        decoder = try ImageDecoder()
    }

    /// The stream of a transform of a file; reference.py draws from the same.
    private func stream(_ index: Int) -> RandomStream { RandomStream(seed: 9, purpose: .test, index: index) }

    mutating func write(_ name: String, _ number: Int, bytes: [UInt8]) throws {
        (self.name, self.number) = (name, number)
        do throws(DecodingError) {
            try decode(bytes)
        } catch {
            return line("error", 0, 0, 0, "uint8", index: 0, drawn: error.reason)
        }
        record("decode", [], index: 0)
        for (place, transform) in pixelTransforms.enumerated() {
            record(transform.name, transform.steps, index: number * 1000 + place)
        }
        var stream = stream(number * 1000 + 900)
        for operation in operations(stream: &stream) { record(operation) }
        writePlanes()
    }

    private func decode(_ bytes: [UInt8]) throws(DecodingError) {
        try bytes.withUnsafeBufferPointer { bytes throws(DecodingError) in
            try decoder.decode(UnsafeRawBufferPointer(bytes), into: decoded)
        }
    }

    private func restore() {
        workspace.image.reshape(height: decoded.height, width: decoded.width, channels: 3)
        workspace.image.pixels.update(from: decoded.pixels, count: decoded.count)
    }

    /// The image after steps that draw from one stream, as a loader applies them.
    private func record(_ transform: String, _ steps: [any PixelTransform], index: Int) {
        restore()
        var stream = stream(index)
        var drawn: [String] = []
        for step in steps {
            drawn.append(text(of: step, on: workspace.image, stream))
            step.apply(workspace, stream: &stream)
        }
        recordImage(transform, index: index, drawn: drawn.filter { !$0.isEmpty }.joined(separator: "; "))
    }

    private func record(_ operation: PixelOperation) {
        restore()
        operation.apply(workspace, fill: fill)
        let name = operation.text.split(separator: " ").first.map(String.init) ?? ""
        recordImage("operation \(name)", index: 0, drawn: operation.text)
    }

    private func recordImage(_ transform: String, index: Int, drawn: String) {
        let image = workspace.image
        line(transform, image.height, image.width, image.channels, "uint8", index: index, drawn: drawn)
        fwrite(image.pixels, 1, image.count, output)
    }

    /// What happens after the middle of the image is normalized.
    private func writePlanes() {
        let (erasing, index) = (planeTransforms, number * 1000 + 950)
        for (place, transform) in ([("normalize", nil)] + erasing).enumerated() {
            // Drawing a number for each value is slow in Python.
            if transform.0.contains("pixel"), number % 20 != 0 { continue }
            writeMiddle()
            var stream = stream(index + place)
            transform.1?.apply(planes.pointer, Self.shape, stream: &stream)
            recordPlanes(transform.0, index: index + place, drawn: "")
        }
        for (place, (name, mixing)) in mixings.enumerated() {
            writeMiddle()
            let mix = mixing.mix(step: number, group: place, seed: 9, height: Self.side, width: Self.side)
            mix.combine(planes.pointer, with: previous.pointer, Self.shape)
            recordPlanes(name, index: 0, drawn: "weight \(mix.weight) \(mix.window?.text ?? "all")")
        }
        writeMiddle()
        previous.pointer.update(from: planes.pointer, count: Self.shape.count)
    }

    private func writeMiddle() {
        restore()
        var unused = stream(0)
        ImageGeometry(side: Self.side).evaluation.apply(workspace, stream: &unused)
        workspace.writePlanes(Self.levels, into: planes.pointer)
    }

    private func recordPlanes(_ transform: String, index: Int, drawn: String) {
        line(transform, Self.side, Self.side, 3, "float32", index: index, drawn: drawn)
        fwrite(planes.pointer, MemoryLayout<Float>.stride, Self.shape.count, output)
    }

    private func line(
        _ transform: String, _ height: Int, _ width: Int, _ channels: Int, _ type: String, index: Int, drawn: String
    ) {
        let columns = [name, transform, "\(height)", "\(width)", "\(channels)", type, "\(index)", drawn]
        fputs(columns.joined(separator: "\t") + "\n", output)
    }
}
