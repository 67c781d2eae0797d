import Files
import Foundation
import Testing

/// A folder of its own for one test, removed with all that is in it when released.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "crsam-dist-files-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    func write(_ name: String) throws { try Data([1]).write(to: URL(fileURLWithPath: file(name))) }

    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: file(name), withDestinationPath: target)
    }
}

/// What looking at `path` fails with; nil where it does not.
private func failure(_ path: String) -> FileError? {
    do throws(FileError) { _ = try FileKind(of: path) } catch { return error }
    return nil
}

@Suite struct FileErrorTests {
    @Test(arguments: [EACCES, EIO, ESTALE, EMFILE, ETXTBSY, ENOSPC, EROFS, EPERM, EINTR, ENOTCONN])
    func `the system's own word for why is in the message, whatever it is`(code: Int32) {
        let text = FileError("open", "a/b", code: code).description
        #expect(text.hasPrefix("cannot open a/b: " + String(cString: strerror(code))) && !text.contains("\n"))
    }

    @Test(arguments: [(EFBIG, "ulimit -f"), (ENOTCONN, "mount it"), (ETIMEDOUT, "mount it"), (EKEYEXPIRED, "kinit")])
    func `a limit and a file server that is away have a remedy`(code: Int32, remedy: String) {
        #expect(FileError("write", "a/b", code: code).description.contains(remedy))
        #expect(!FileError("read", "a/b", code: EFBIG, reason: "it is long").description.contains("ulimit"))
    }

    @Test func `a link to nothing says where it leads, also in the middle of a path`() throws {
        let folder = try TemporaryFolder()
        try folder.link("dead", to: "gone/away")
        for name in ["dead", "dead/file"] {
            let error = try #require(failure(folder.file(name)))
            #expect(error.code == ENOENT)
            #expect(
                error.description.contains("\(folder.file("dead")) is a symbolic link to gone/away, which does not"))
        }
    }

    @Test func `links in a circle, files in a folder's place and names too long are no missing files`()
        throws
    {
        let folder = try TemporaryFolder()
        try folder.link("a", to: "b")
        try folder.link("b", to: "a")
        try folder.write("file")
        #expect(failure(folder.file("a/x"))?.code == ELOOP)
        #expect(
            failure(folder.file("a"))?.description.contains("/a is a symbolic link that leads back to itself") == true)
        #expect(failure(folder.file("file/x"))?.code == ENOTDIR)
        #expect(failure(folder.file("file/x"))?.description.contains("/file is a file, not a folder") == true)
        #expect(failure(folder.file(String(repeating: "n", count: 256)))?.code == ENAMETOOLONG)
        #expect(try FileKind(of: folder.file("none")) == nil && failure(folder.file("none/at/all")) == nil)
    }

    @Test(.enabled(if: getuid() != 0)) func `a folder that may not be entered is named`() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.file("shut/in"), withIntermediateDirectories: true)
        chmod(folder.file("shut"), 0)
        defer { chmod(folder.file("shut"), 0o755) }
        let error = try #require(failure(folder.file("shut/in")))
        #expect(error.code == EACCES && error.description.contains("folder \(folder.file("shut")) may not be entered"))
    }

    @Test func `every kind of file has its name`() throws {
        let folder = try TemporaryFolder()
        try folder.write("file")
        mkfifo(folder.file("pipe"), 0o600)
        try folder.link("link", to: "pipe")
        #expect(try FileKind(of: folder.file("file")) == .regular && FileKind(of: folder.path) == .directory)
        #expect(try FileKind(of: folder.file("link")) == .pipe && FileKind(of: "/dev/null") == .device)
    }
}

@Suite struct FileFormatTests {
    static let formats: [(FileFormat?, [UInt8])] = [
        (.gzip, [0x1F, 0x8B, 8, 0]), (.compress, [0x1F, 0x9D, 0x90]), (.bzip2, Array("BZh91AY".utf8)),
        (.xz, [0xFD] + Array("7zXZ\0".utf8)), (.zstandard, [0x28, 0xB5, 0x2F, 0xFD]), (.zip, zip("a.txt")),
        (.pytorchZip, zip("archive/data.pkl")), (.pytorchZip, zip("resnet8-abc/data.pkl")),
        (.pytorchZip, zip("m/version")),
        (.numpyArchive, zip("fc.weight.npy")), (.numpyArray, [0x93] + Array("NUMPY\u{1}\0".utf8)),
        (.pytorchPickle, [0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20]), (.pickle, [0x80, 4, 0x95, 1]),
        (.hdf5, [0x89] + Array("HDF\r\n\u{1A}\n".utf8)), (.onnx, [8, 7, 0x12, 7] + Array("pytorch".utf8)),
        (.tar, [UInt8](repeating: 0, count: 257) + Array("ustar\0".utf8)), (.gguf, Array("GGUF\u{3}".utf8)),
        (.lfsPointer, Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8)),
        (.html, Array("\n<!DOCTYPE html><html>".utf8)), (.html, [0xEF, 0xBB, 0xBF] + Array("<html lang=en>".utf8)),
        (.xml, Array("<?xml version=\"1.0\"?><Error><Code>AccessDenied".utf8)), (.json, Array("{\"error\": 404}".utf8)),
        (.shardIndex, Array("{\n  \"metadata\": {\"total_size\": 9},\n  \"weight_map\": {}}".utf8)),
        (.safetensors, [60, 0, 0, 0, 0, 0, 0, 0] + Array("{\"a\"".utf8)), (.matlab, Array("MATLAB 5.0 MAT-file".utf8)),
        (nil, [0, 0, 8, 3, 0, 0, 0xEA, 0x60]), (nil, []), (nil, [0x80]), (nil, Array("PK".utf8)),
        (nil, Array("{}".utf8)),
    ]

    private static func zip(_ name: String) -> [UInt8] {
        Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 0, count: 22) + [UInt8(name.utf8.count), 0, 0, 0] + name.utf8
    }

    @Test(arguments: formats.indices) func `a format is known by its first bytes`(index: Int) {
        let (format, head) = Self.formats[index]
        #expect(FileFormat(head: head) == format)
    }

    @Test func `a TensorFlow checkpoint is known by its last bytes, and every format says what it is`() {
        #expect(FileFormat(head: [0, 1], tail: [0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB]) == .tensorflow)
        #expect(Set(FileFormat.allCases.map(\.text)).count == FileFormat.allCases.count)
    }
}
