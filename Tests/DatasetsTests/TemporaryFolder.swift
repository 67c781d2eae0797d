import CZlib
import Datasets
import Files
import Glibc
import Testing
import Vectors

/// A folder that goes away with the value, and writers of the published formats for small files in it.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/crsam-datasets-XXXXXX".utf8CString)
        let made = mkdtemp(&template)
        path = String(cString: try #require(made))
    }

    deinit { Self.removeAll(path) }

    private static func removeAll(_ path: String) {
        if unlink(path) == 0 { return }
        for name in names(in: path) { removeAll("\(path)/\(name)") }
        rmdir(path)
    }

    private static func names(in folder: String) -> [String] {
        guard let handle = opendir(folder) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// Folders in the name are made.
    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        _ = try FileSystem.makeDirectories(FileSystem.directory(of: "\(path)/\(name)"))
        let file = try #require(fopen("\(path)/\(name)", "wb"))
        defer { fclose(file) }
        try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count)
        return "\(path)/\(name)"
    }

    func makeFolder(_ name: String) throws { try #require(mkdir("\(path)/\(name)", 0o755) == 0) }

    func remove(_ name: String) { unlink("\(path)/\(name)") }
}

func bigEndian(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

func idxImages(_ count: Int, _ height: Int, _ width: Int, pixels: [UInt8]) -> [UInt8] {
    bigEndian(0x803) + bigEndian(count) + bigEndian(height) + bigEndian(width) + pixels
}

func idxLabels(_ labels: [UInt8]) -> [UInt8] { bigEndian(0x801) + bigEndian(labels.count) + labels }

func randomBytes(_ count: Int, index: Int = 0) -> [UInt8] {
    var stream = RandomStream(seed: 21, purpose: .test, index: index)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: stream.nextWord()) }
}

/// `bytes` as gzip writes them.
func gzipped(_ bytes: [UInt8]) throws -> [UInt8] {
    let folder = try TemporaryFolder()
    let name = "\(folder.path)/bytes.gz"
    let file = try #require(gzopen(name, "wb"))
    let written = gzwrite(file, bytes, UInt32(bytes.count))
    try #require(gzclose(file) == Z_OK && written == Int32(bytes.count))
    let plain = try #require(fopen(name, "rb"))
    defer { fclose(plain) }
    var packed = [UInt8](repeating: 0, count: bytes.count + 1024)
    let count = fread(&packed, 1, packed.count, plain)
    return Array(packed.prefix(count))
}

/// CIFAR records of random pixels with these label bytes before each.
func cifarRecords(_ labels: [[UInt8]], index: Int = 0) -> [UInt8] {
    labels.enumerated().flatMap { $1 + randomBytes(3072, index: index + $0) }
}

/// A dataset of random pixels, small enough to compare whole.
func smallDataset(count: Int, shape: ImageShape = ImageShape(channels: 2, height: 3, width: 4)) -> ImageDataset {
    ImageDataset(
        name: "small", shape: shape, classCount: 10, pixels: randomBytes(count * shape.count),
        labels: (0..<count).map { Int32($0 % 10) },
        normalization: ChannelNormalization(
            mean: (0..<shape.channels).map { 0.25 + 0.125 * Double($0) },
            std: (0..<shape.channels).map { 0.5 - 0.125 * Double($0) }))
}

/// The error that `body` throws, whose message must be one line.
func datasetError(_ body: () throws -> Void) throws -> DatasetError {
    let error = try #require(throws: DatasetError.self) { try body() }
    #expect(!error.description.contains("\n") && !error.description.isEmpty)
    return error
}

extension DatasetEntry {
    /// A split of a set that is held in memory.
    func images(directory: String? = nil, split: DatasetSplit) throws -> ImageDataset {
        try #require(try load(directory: directory, split: split) as? ImageDataset)
    }
}
