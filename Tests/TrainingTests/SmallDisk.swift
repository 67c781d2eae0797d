import Files

/// Files that can take `budget` bytes in all; every creation and every synchronization costs one, so that those fail
/// too.
final class SmallDisk: @unchecked Sendable {
    var budget: Int

    init(_ budget: Int) { self.budget = budget }

    func spend(_ count: Int, _ path: String) throws(FileError) {
        if count > budget { throw FileError("write", path, code: 28) }
        budget -= count
    }

    final class File: ByteSink {
        let disk: SmallDisk
        let file: OutputFile

        init(_ disk: SmallDisk, _ path: String) throws(FileError) {
            self.disk = disk
            try disk.spend(1, path)
            file = try OutputFile(path)
        }

        func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
            let fitting = min(bytes.count, disk.budget)
            try file.write(UnsafeRawBufferPointer(rebasing: bytes[..<fitting]))
            try disk.spend(bytes.count, file.path)
        }

        func synchronize() throws(FileError) {
            try disk.spend(1, file.path)
            try file.synchronize()
        }
    }
}
