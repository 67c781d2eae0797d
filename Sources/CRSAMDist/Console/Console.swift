import Files
import Glibc
import Synchronization

/// Standard output and standard error: every line that a command writes goes through here, checked.
package enum Console {
    package enum Stream: Int32, Sendable {
        case output = 1
        case error = 2

        package var name: String { self == .output ? "standard output" : "standard error" }
    }

    private static let saidProgressIsLost = Atomic<Bool>(false)

    /// Descriptors that this process was started with: what a path such as `/dev/fd/3` can mean. MPI opens some of its
    /// own.
    private static let inherited = Set(
        (try? Folder.names(in: "/proc/self/fd"))?.compactMap { Int32($0) } ?? [0, 1, 2])

    package static func isInherited(_ descriptor: Int32) -> Bool { inherited.contains(descriptor) }

    /// To be called first of all. A closed standard descriptor is the next number that a file or a connection gets, and
    /// text for people would be written into it: the null device takes its place, open so that a write still fails.
    package static func secureDescriptors() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", O_RDONLY)
        }
        _ = inherited
    }

    /// Writes lines.
    package static func print(_ text: String, to stream: Stream = .output) throws(FileError) {
        try write(text + "\n", to: stream)
        if stream == .output { try checkLauncher() }
    }

    /// mpirun passes text on and ignores that its own standard output takes none.
    package static func checkLauncher() throws(FileError) {
        guard let code = LauncherOutput.failure else { return }
        throw FileError("write", "mpirun's standard output\(code == EBADF ? ", which is closed" : "")", code: code)
    }

    /// Ends this process as the system ends one whose reader went away.
    private static func endByBrokenPipe() {
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
        // Where the signal is blocked.
        _exit(128 + SIGPIPE)
    }

    /// One line about what does not end the run. Where it cannot be written nothing is left to do.
    package static func warn(_ line: String) {
        BarLine.end()
        try? write("crsam-dist: warning: \(line)\n", to: .error, endingByBrokenPipe: false)
    }

    /// Text that a long training can do without: a full disk or a reader that went away must not cost hours of work, of
    /// which the run's folder holds the result, but is not passed over in silence either.
    package static func writeProgress(_ text: String) {
        do throws(FileError) {
            try write(text, to: .output, endingByBrokenPipe: false)
            try checkLauncher()
        } catch {
            if saidProgressIsLost.exchange(true, ordering: .relaxed) { return }
            warn("progress is lost, the training continues: \(error); its metrics are in metrics.jsonl")
        }
    }

    package static func checkOpen(_ stream: Stream) throws(FileError) {
        // As secureDescriptors() leaves what was closed.
        let isClosed = fcntl(stream.rawValue, F_GETFL) & O_ACCMODE == O_RDONLY
        if isClosed { throw FileError("write", "\(stream.name), which is closed", code: EBADF) }
    }

    /// - Parameter endingByBrokenPipe: whether a reader that went away, as `head` does, ends this process without a
    ///   word.
    package static func write(_ text: String, to stream: Stream, endingByBrokenPipe: Bool = true) throws(FileError) {
        try checkOpen(stream)
        do throws(FileError) {
            try OutputFile(descriptor: stream.rawValue, name: stream.name).write(isUnicode ? text : inASCII(text))
        } catch {
            if error.code == EPIPE, endingByBrokenPipe, stream == .output { endByBrokenPipe() }
            throw error
        }
    }

    /// Columns for help: the terminal's, or what `COLUMNS` says.
    package static var columns: Int? {
        if let columns = environment("COLUMNS").flatMap({ Int($0) }), columns > 0 { return columns }
        return Terminal.columns(of: STDOUT_FILENO)
    }

    /// Whether the locale's characters are Unicode's: by the first variable that is set, as the C library has it.
    package static let isUnicode: Bool = {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap(environment).first { !$0.isEmpty } ?? "C"
        let name = locale.lowercased()
        return name.contains("utf-8") || name.contains("utf8")
    }()

    /// The few symbols of our own text in ASCII, one character for one; what a path holds stays as it is.
    package static func inASCII(_ text: String) -> String {
        String(text.map { ["‖": "|", "█": "#", "░": ".", "…": "~"][$0] ?? $0 })
    }

    package static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
