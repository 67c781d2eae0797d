import Glibc

/// A file-system call that failed: what was tried, on which path, and the system's own word for why.
public struct FileError: Error, Equatable, CustomStringConvertible {
    /// What was being done, as in "cannot write".
    public let action: String
    public let path: String
    /// `errno` after the call.
    public let code: Int32

    public init(_ action: String, _ path: String, code: Int32) {
        self.action = action
        self.path = path
        self.code = code
    }

    /// Takes `errno` as the call that just failed left it.
    static func last(_ action: String, _ path: String) -> FileError { FileError(action, path, code: errno) }

    public var isDiskFull: Bool { code == ENOSPC || code == EDQUOT }

    public var description: String {
        let hint = isDiskFull ? "; free some space there" : ""
        return "cannot \(action) \(path): \(String(cString: strerror(code)))\(hint)"
    }
}
