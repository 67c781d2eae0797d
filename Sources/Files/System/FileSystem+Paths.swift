import Glibc

// Paths as text.
extension FileSystem {
    /// What a user means by a path: a home folder that no shell has put in, as in `--output=~/x`, and no empty parts.
    /// Nil for another user's home folder and for no path at all.
    package static func meant(_ path: String) -> String? {
        guard path.hasPrefix("~") else { return path.isEmpty ? nil : normalized(path) }
        let rest = path.dropFirst()
        guard rest.isEmpty || rest.hasPrefix("/"), let home = getenv("HOME").map({ String(cString: $0) }) else {
            return nil
        }
        return home.isEmpty ? nil : normalized(home + rest)
    }

    /// The same path without `//`, `/./` and a slash at its end. `..` stays: before it may be a link.
    package static func normalized(_ path: String) -> String {
        let root = path.hasPrefix("/") ? "/" : ""
        let parts = path.split(separator: "/").filter { $0 != "." }
        if parts.isEmpty { return root.isEmpty ? "." : root }
        return root + parts.joined(separator: "/")
    }

    /// The same place from whatever folder it is looked for; links stay, so that what a cluster mounts elsewhere keeps
    /// its name.
    package static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return withoutDetours(normalized(path)) }
        return workingDirectory.map { withoutDetours(normalized($0 + "/" + path)) } ?? path
    }

    /// `/a/c` for `/a/b/../c`: `b`, which has nothing to do with the place, may be moved. Not where it is a link.
    private static func withoutDetours(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") {
            let above = "/" + parts.joined(separator: "/")
            var status = stat()
            if part == "..", let last = parts.last, last != "..", lstat(above, &status) == 0,
                status.st_mode & S_IFMT == S_IFDIR
            {
                parts.removeLast()
            } else {
                parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// Under the name by which the shell went there, where that is still its name; nil where it has none in UTF-8.
    private static var workingDirectory: String? {
        var (named, current) = (stat(), stat())
        if let path = getenv("PWD"), path[0] == CChar(bitPattern: UInt8(ascii: "/")), stat(path, &named) == 0,
            stat(".", &current) == 0, named.st_ino == current.st_ino, named.st_dev == current.st_dev
        {
            return String(validatingCString: path)
        }
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return String(validatingCString: path)
    }
}
