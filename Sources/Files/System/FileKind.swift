import Glibc

/// What a name in the file system stands for, links followed.
package enum FileKind: Sendable, Equatable {
    case regular, directory, pipe, socket, device

    /// Nil where nothing of that name is there. Whatever else keeps from knowing is an error: no permission on a folder
    /// above, a link that leads nowhere, a file in a folder's place.
    package init?(of path: String) throws(FileError) {
        var status = stat()
        if stat(path, &status) != 0 {
            let code = errno
            if code == ENOENT && FileError.deadLink(path) == nil { return nil }
            throw .of("look at", path, code: code)
        }
        self.init(mode: status.st_mode)
    }

    package init(mode: mode_t) {
        switch mode & S_IFMT {
        case S_IFREG: self = .regular
        case S_IFDIR: self = .directory
        case S_IFIFO: self = .pipe
        case S_IFSOCK: self = .socket
        default: self = .device
        }
    }

    /// As in "it is …".
    package var text: String {
        switch self {
        case .regular: "a file"
        case .directory: "a folder"
        case .pipe: "a named pipe"
        case .socket: "a socket"
        case .device: "a device"
        }
    }
}
