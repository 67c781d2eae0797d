import Files
import Glibc

/// A records file that a run appends to, and that others may edit, move, empty or remove meanwhile.
final class RecordLog {
    private let path: String
    private let format: RecordFormat
    private var file: OutputFile
    /// Where our last write ended.
    private var end = 0

    init(_ path: String, _ format: RecordFormat) throws(FileError) {
        self.path = path
        self.format = format
        file = try OutputFile(path, .appending)
        try write("")
    }

    /// Appends whole lines; before them a header where there is nothing, a line break where the last line has none.
    func write(_ text: String) throws(FileError) {
        let size = Int(try file.status().st_size)
        var start = ""
        if size == 0 { start = format.header } else if size != end, try !endsInLineBreak(size) { start = "\n" }
        if !start.isEmpty || !text.isEmpty {
            do throws(FileError) { try file.write(start + text) } catch {
                // Whole or not at all: what is written again must not follow a part of itself.
                ftruncate(file.descriptor, size)
                throw error
            }
        }
        end = Int(try file.status().st_size)
    }

    private func endsInLineBreak(_ size: Int) throws(FileError) -> Bool {
        var last: UInt8 = 0
        if pread(file.descriptor, &last, 1, size - 1) < 0 { throw .last("read", path) }
        return last == UInt8(ascii: "\n")
    }

    /// Opens the file anew where its name has gone to another, and takes over the records that this one lacks: an
    /// editor had read it before they were written. A file that was moved away keeps its own, the new one starts empty.
    func followName() throws(FileError) {
        // A file that another host has removed can be gone altogether.
        if (try? file.hasName(path)) == true { return }
        let old = file
        let isMoved = Self.isNamed(old)
        file = try OutputFile(path, .appending)
        end = 0
        var highest = 0
        try format.scan(try InputFile(path)) { line, _, _ throws(FileError) in
            if case .record(let number) = line { highest = max(highest, number) }
        }
        guard highest > 0 || !isMoved, let lost = try? InputFile(old.link) else { return }
        try write("")
        try format.scan(lost) { line, _, bytes throws(FileError) in
            if case .record(let number) = line, number > highest { try file.write(bytes) }
        }
    }

    func synchronize() throws(FileError) { try file.synchronize() }

    /// Whether an open file still has some name of its own; that of a removed one on NFS is none.
    private static func isNamed(_ file: OutputFile) -> Bool {
        guard let path = FileSystem.realPath(of: file.link) else { return false }
        return !FileSystem.lastName(of: path).hasPrefix(".nfs")
    }
}
