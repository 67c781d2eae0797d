import Glibc

/// The few file-system calls that a run needs, every one checked.
package enum FileSystem {
    package enum Kind: Equatable {
        case missing, file, directory
    }

    package static func kind(_ path: String) throws(FileError) -> Kind {
        switch try FileKind(of: path) {
        case nil: .missing
        case .directory: .directory
        default: .file
        }
    }

    /// Makes one directory, open to whom the umask lets in; false where something of that name is already there.
    package static func makeNewDirectory(_ path: String) throws(FileError) -> Bool {
        if mkdir(path, 0o777) == 0 { return true }
        if errno == EEXIST { return false }
        throw .last("make the folder", path)
    }

    /// Makes a directory and those above it where they are missing; returns what it made, outermost first.
    @discardableResult
    package static func makeDirectories(_ path: String) throws(FileError) -> [String] {
        if let kind = try FileKind(of: path) {
            if kind == .directory { return [] }
            throw FileError("make the folder", path, code: EEXIST, reason: "it is \(kind.text)")
        }
        let parent = directory(of: path)
        let above = parent == path ? [] : try makeDirectories(parent)
        if try makeNewDirectory(path) { return above + [path] }
        if try kind(path) != .directory { throw FileError("make the folder", path, code: EEXIST) }
        return above
    }

    /// Makes a new directory: the stem with the next free number from 001 on.
    package static func makeNumberedDirectory(_ stem: String) throws(FileError) -> String {
        var number = 1
        while true {
            let digits = String(number)
            let path = "\(stem)-" + String(repeating: "0", count: max(0, 3 - digits.count)) + digits
            if try makeNewDirectory(path) { return path }
            number += 1
        }
    }

    /// Removes a file, or a directory with all that is in it. A link is removed, never followed.
    package static func remove(_ path: String) throws(FileError) {
        var status = stat()
        if lstat(path, &status) != 0 {
            if errno == ENOENT { return }
            throw .last("remove", path)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            if unlink(path) != 0 { throw .last("remove", path) }
            return
        }
        for name in try Folder.names(in: path) { try remove(path + "/" + name) }
        if rmdir(path) != 0 { throw .last("remove", path) }
    }

    package static func rename(_ old: String, to new: String) throws(FileError) {
        if Glibc.rename(old, new) != 0 { throw .last("rename to", new) }
    }

    /// Makes renames and new names in a directory survive a crash of the machine.
    package static func synchronize(directory: String) throws(FileError) {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor < 0 { throw .last("open", directory) }
        defer { close(descriptor) }
        // EINVAL: some network file systems cannot, and need not.
        if fsync(descriptor) != 0 && errno != EINVAL { throw .last("synchronize", directory) }
    }

    /// Cuts a file down to its first `length` bytes, in one call that either happens or does not.
    package static func truncate(_ path: String, to length: Int) throws(FileError) {
        if Glibc.truncate(path, length) != 0 { throw .last("shorten", path) }
    }

    /// The name under which something is written until it is complete, in the same folder.
    package static func partialName(_ name: String) -> String { ".\(name).partial" }

    package static func isPartialName(_ name: String) -> Bool { name.hasPrefix(".") && name.hasSuffix(".partial") }

    /// Writes a whole file so that a reader, at any instant and after any crash, finds the old text or the new.
    ///
    /// - Parameter partial: the name to write under meanwhile; the file's own, marked, unless given.
    package static func replace(
        _ path: String, with text: String, by partial: String? = nil,
        open: (String) throws(FileError) -> any ByteSink = { path throws(FileError) in try OutputFile(path) }
    ) throws(FileError) {
        try replace(path, by: partial, open: open) { sink throws(FileError) in try sink.write(text) }
    }

    /// The same of what `content` writes.
    package static func replace(
        _ path: String, by partial: String? = nil,
        open: (String) throws(FileError) -> any ByteSink = { path throws(FileError) in try OutputFile(path) },
        content: (any ByteSink) throws(FileError) -> Void
    ) throws(FileError) {
        let path = resolved(path)
        var status = stat()
        let isThere = stat(path, &status) == 0
        let folder = directory(of: path)
        let partial = folder + "/" + (partial ?? partialName(lastName(of: path)))
        do throws(FileError) {
            let file = try open(partial)
            // Before anybody could read the content; some file systems have no permissions to keep.
            if isThere { chmod(partial, status.st_mode & 0o7777) }
            try content(file)
            try file.synchronize()
            try rename(partial, to: path)
        } catch {
            // The first error is the one to report; the next start removes what could not be removed here.
            try? remove(partial)
            throw error
        }
        try synchronize(directory: folder)
    }

    /// What a link leads to; the path itself where nothing is there yet.
    package static func resolved(_ path: String) -> String { realPath(of: path) ?? path }

    /// The path without links; nil, with `errno`, where nothing is there, or where it cannot be said in UTF-8.
    package static func realPath(of path: String) -> String? {
        guard let target = realpath(path, nil) else { return nil }
        defer { free(target) }
        let text = String(validatingCString: target)
        if text == nil { errno = EILSEQ }
        return text
    }

    /// The text of a file that may be the kernel's, which have no size; empty where it cannot be read.
    package static func systemText(_ path: String) -> String {
        guard let file = fopen(path, "re") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < 1 << 22 {
            let count = fread(&block, 1, block.count, file)
            if count == 0 { break }
            bytes += block.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    package static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    package static func directory(of path: String) -> String {
        guard let slash = trimmed(path).lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    package static func lastName(of path: String) -> String {
        let path = trimmed(path)
        return path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? String(path)
    }

    private static func trimmed(_ path: String) -> Substring {
        var path = path[...]
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        return path
    }
}
