import Glibc

/// A file-system call that failed: what was tried, on which path, and the system's own word for why.
package struct FileError: Error, Equatable, CustomStringConvertible {
    /// What was being done, as in "cannot write".
    package let action: String
    package let path: String
    /// `errno` after the call.
    package let code: Int32
    /// The system's word for `code`, and what is known besides.
    package let reason: String

    /// - Parameter reason: in place of the system's word for `code`.
    package init(_ action: String, _ path: String, code: Int32, reason: String? = nil) {
        self.action = action
        self.path = path
        self.code = code
        self.reason = reason ?? Self.word(for: code)
    }

    /// Takes `errno` as the call that just failed left it, and looks along the path for the part that is to blame.
    package static func last(_ action: String, _ path: String) -> FileError { of(action, path, code: errno) }

    static func of(_ action: String, _ path: String, code: Int32) -> FileError {
        let culprit = culprit(path, code: code).map { " (\($0))" } ?? ""
        return FileError(action, path, code: code, reason: word(for: code) + culprit)
    }

    /// For what can be opened but is not `expected`.
    package static func kind(_ kind: FileKind, of path: String, expected: String = "a regular file") -> FileError {
        FileError(
            "read", path, code: kind == .directory ? EISDIR : EINVAL, reason: "it is \(kind.text), not \(expected)")
    }

    package var description: String { "cannot \(action) \(path): \(reason)\(remedy.map { "; \($0)" } ?? "")" }

    private var remedy: String? {
        switch code {
        case ENOSPC, EDQUOT: "free some space there"
        case EFBIG where action == "write": "raise the limit on the size of a file (ulimit -f)"
        case EACCES, EPERM: "get the permission, or name another path"
        case EROFS: "name a place that can be written"
        case EMFILE, ENFILE: "raise the limit on open files (ulimit -n)"
        case EIO, EUCLEAN, EREMOTEIO: "the disk or its server fails: look into the system's log, or take a copy"
        case ESTALE: "the file server has replaced it: start again"
        case ELOOP: "name the file itself"
        case EISDIR: "name a file in it"
        case ENAMETOOLONG: "use a shorter name"
        case EFBIG where reason == Self.word(for: code):
            "raise the limit on the size of files (ulimit -f), or name a file system for larger ones"
        case ENOTCONN, ETIMEDOUT, EHOSTDOWN, EHOSTUNREACH:
            "its file server cannot be reached: mount it again, or wait for it"
        case EKEYEXPIRED, EKEYREVOKED, ENOKEY: "get a new ticket for its file server (kinit, aklog)"
        case ETXTBSY: "stop the program that uses it, or name another path"
        default: nil
        }
    }

    private static func word(for code: Int32) -> String { String(cString: strerror(code)) }

    /// The part of the path that made a call fail with `code`; nil where it is the whole, or unknown.
    private static func culprit(_ path: String, code: Int32) -> String? {
        for part in parts(of: path) {
            var status = stat()
            let isLast = part.utf8.count == path.utf8.count
            let result = stat(part, &status)
            let failure = result == 0 ? 0 : errno
            let link = SymbolicLink.target(of: part)
            switch code {
            case ENOENT where failure == ENOENT:
                return deadLink(path) ?? (isLast ? nil : "there is no folder \(part)")
            case ENOTDIR where failure == 0 && status.st_mode & S_IFMT != S_IFDIR && !isLast:
                return "\(part) is \(FileKind(mode: status.st_mode).text), not a folder"
            case ELOOP where failure == ELOOP: return "\(part) is a symbolic link that leads back to itself"
            case EACCES where failure == EACCES: return link.map { "\(part) is a symbolic link to \($0)" }
            case EACCES where failure == 0 && !isLast && status.st_mode & S_IFMT == S_IFDIR:
                if faccessat(AT_FDCWD, part, X_OK, AT_EACCESS) != 0 && errno == EACCES {
                    return "the folder \(part) may not be entered"
                }
            default: break
            }
        }
        return nil
    }

    /// The first part of the path that is a link to nothing, where there is one.
    package static func deadLink(_ path: String) -> String? {
        for part in parts(of: path) {
            var status = stat()
            guard stat(part, &status) != 0 else { continue }
            let isMissing = errno == ENOENT
            return isMissing
                ? SymbolicLink.target(of: part).map { "\(part) is a symbolic link to \($0), which does not exist" }
                : nil
        }
        return nil
    }

    /// `a`, `a/b`, `a/b/c` of `a/b/c`.
    private static func parts(of path: String) -> [String] {
        path.indices.filter { path[$0] == "/" && $0 > path.startIndex }.map { String(path[..<$0]) }
            + (path.isEmpty ? [] : [path])
    }
}
