import Files
import Glibc

/// Where an option such as `--json` writes one document.
///
/// Looked at before the work begins, so that a wrong name costs no hours, and written at its end: a file is replaced as
/// a whole, its mode kept and links to it followed; a pipe, a device or a descriptor is written to.
package struct OutputTarget {
    private enum Place: Equatable {
        case descriptor(Int32)
        /// A pipe or a character device.
        case stream(String)
        /// A file, its path free of links; `isReplaced` where it can be.
        case file(String, isReplaced: Bool)
    }

    package struct Problem: Error, CustomStringConvertible {
        package let description: String
    }

    package let option: String
    private let path: String
    private let place: Place
    /// Of what is there already.
    private let status: stat?

    /// - Parameter path: `-` for standard output.
    package init(option: String, path: String) throws(Problem) {
        // Other names that begin so are files'.
        let path = path == "~" || path.hasPrefix("~/") ? FileSystem.meant(path) ?? path : path
        self.option = option
        self.path = path
        func refusal(_ why: String) -> Problem {
            Problem(description: "\(option) \(path.isEmpty ? "''" : path): \(why)")
        }
        if path.isEmpty { throw refusal("an empty name; give a file's, or - for standard output") }
        let resolved: String
        do throws(FileError) { resolved = path == "-" ? "/proc/self/fd/1" : try Self.resolved(path) } catch {
            throw refusal(
                error.code == ENOENT
                    ? "the folder \(error.path) does not exist; make it first"
                    : "cannot look at \(error.path): \(String(cString: strerror(error.code)))")
        }
        if let descriptor = path == "-" ? STDOUT_FILENO : Self.descriptor(resolved) {
            let mode = fcntl(descriptor, F_GETFL)
            guard Console.isInherited(descriptor), mode >= 0, mode & O_ACCMODE != O_RDONLY else {
                throw refusal("this process has no such output; mpirun hands on standard output and error only")
            }
            var current = stat()
            status = fstat(descriptor, &current) == 0 ? current : nil
            place = .descriptor(descriptor)
            return
        }
        var current = stat()
        guard lstat(resolved, &current) == 0 else {
            let code = errno
            guard code == ENOENT else { throw refusal(String(cString: strerror(code))) }
            if path.hasSuffix("/") { throw refusal("names a folder; name a file") }
            if let code = Self.probe(resolved) {
                let folder = FileSystem.directory(of: resolved)
                throw refusal("cannot create a file in the folder \(folder): \(String(cString: strerror(code)))")
            }
            (status, place) = (nil, .file(resolved, isReplaced: true))
            return
        }
        status = current
        switch current.st_mode & S_IFMT {
        case S_IFREG:
            if path.hasSuffix("/") { throw refusal("names a folder, but is a file") }
            if access(resolved, W_OK) != 0 { throw refusal("cannot be written: \(String(cString: strerror(errno)))") }
            // Another file under the name would have lost the other names, or its owner.
            let isOurs = current.st_nlink == 1 && current.st_uid == geteuid()
            place = .file(resolved, isReplaced: isOurs && Self.probe(resolved) == nil)
        case S_IFIFO, S_IFCHR:
            // Such as a process's terminal where it has none; a pipe's reader may come later.
            let isOpenable = current.st_mode & S_IFMT == S_IFIFO || Self.opens(resolved)
            if access(resolved, W_OK) != 0 || !isOpenable {
                throw refusal("cannot be written: \(String(cString: strerror(errno)))")
            }
            place = .stream(resolved)
        case S_IFDIR: throw refusal("is a folder; name a file in it")
        default: throw refusal("is no file, pipe or character device")
        }
    }

    /// The file, free of links, that the document would take the place of.
    package var existingFile: String? {
        if case .file(let path, _) = place, status != nil { path } else { nil }
    }

    /// Whether text for people has to make room.
    package var isStandardOutput: Bool { place == .descriptor(STDOUT_FILENO) }

    /// Whether both would write over each other. A device takes anything.
    package func isSame(as other: OutputTarget) -> Bool {
        if let status, status.st_mode & S_IFMT == S_IFCHR, !isStandardOutput { return false }
        return place == other.place || status.map { Self.isSame($0, other.status) } ?? false
    }

    /// Whether it is a file that a path leads to, or that a standard descriptor is redirected to.
    package func isSame(as path: String) -> Bool {
        var current = stat()
        guard case .file = place, let status, stat(path, &current) == 0 else { return false }
        return Self.isSame(status, current)
    }

    private static func isSame(_ one: stat, _ other: stat?) -> Bool {
        one.st_dev == other?.st_dev && one.st_ino == other?.st_ino
    }

    package func write(_ text: String) throws(FileError) {
        switch place {
        case .descriptor(STDOUT_FILENO): try Console.write(text, to: .output)
        case .descriptor(let descriptor): try OutputFile(descriptor: descriptor, name: path).write(text)
        case .stream(let path): try OutputFile(path, .existing).write(text)
        case .file(let path, isReplaced: false): try writeInPlace(path, text)
        case .file(let path, isReplaced: true):
            do throws(FileError) { try FileSystem.replace(path, with: text, by: Self.partialName) } catch {
                // A container's mount of this one file: its name cannot be given to another.
                if error.code == EBUSY { return try writeInPlace(path, text) }
                // The error names the user's path, not the temporary file.
                throw FileError("write", self.path, code: error.code)
            }
        }
    }

    private func writeInPlace(_ path: String, _ text: String) throws(FileError) {
        let file = try OutputFile(path)
        try file.write(text)
        try file.synchronize()
    }

    // MARK: What a path stands for

    /// The path without links; its last part need not exist, the folder must.
    private static func resolved(_ path: String) throws(FileError) -> String {
        var path = path
        for _ in 0..<40 {
            let name = FileSystem.lastName(of: path)
            // Those and the root are folders, and no name in one.
            if name == "." || name == ".." || name == "/" { return path }
            let parent = FileSystem.directory(of: path)
            guard let folder = FileSystem.realPath(of: parent) else { throw .last("look at", parent) }
            path = folder == "/" ? "/\(name)" : "\(folder)/\(name)"
            if descriptor(path) != nil { return path }
            guard let link = SymbolicLink.target(of: path) else { return path }
            path = link.hasPrefix("/") ? link : "\(folder)/\(link)"
        }
        throw FileError("look at", path, code: ELOOP)
    }

    /// This process's descriptor that a path without links names, as `/dev/stdout` and `/dev/fd/3` do in the end: it is
    /// to be written to where it stands, not opened anew at its beginning.
    private static func descriptor(_ path: String) -> Int32? {
        let parts = path.split(separator: "/")
        guard parts.count >= 4, parts[0] == "proc", parts[1] == "self" || parts[1] == "\(getpid())",
            parts[parts.count - 2] == "fd"
        else { return nil }
        return Int32(parts[parts.count - 1])
    }

    private static func opens(_ device: String) -> Bool {
        let descriptor = open(device, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
        if descriptor >= 0 { close(descriptor) }
        return descriptor >= 0
    }

    /// Short where the file's own name may be as long as it can, and no other process's.
    private static var partialName: String { FileSystem.partialName("crsam-dist-\(getpid())") }

    /// Why a file cannot be made beside this path; nil where it can.
    private static func probe(_ path: String) -> Int32? {
        let name = FileSystem.directory(of: path) + "/" + partialName
        let descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor < 0 { return errno }
        close(descriptor)
        unlink(name)
        return nil
    }
}
