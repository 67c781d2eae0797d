import Collectives
import Files
import Glibc
import Synchronization

/// The screen that a bar may be drawn on.
package enum Terminal {
    /// Columns; nil where the descriptor is no terminal or does not know.
    package static func columns(of descriptor: Int32) -> Int? {
        var size = winsize()
        return ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : nil
    }

    /// What mpirun sets for `--tag-output`, `--timestamp-output` and `--xml`, which put text before each piece of a
    /// bar, and for `--output-filename`, which writes it to files.
    private static let launcherLogs = [
        "OMPI_MCA_orte_tag_output", "OMPI_MCA_orte_timestamp_output", "OMPI_MCA_orte_xml_output",
        "OMPI_MCA_orte_output_filename",
    ]

    /// Whether the environment speaks of a log, not of a screen.
    package static func isLog(_ environment: (String) -> String?) -> Bool {
        let terminal = environment("TERM") ?? ""
        if terminal.isEmpty || terminal == "dumb" { return true }
        return (["CI"] + launcherLogs).contains { !["", "0", "false"].contains(environment($0) ?? "") }
    }

    /// A descriptor of the screen that standard output reaches; nil where it reaches none, or where that is in doubt.
    package static func screen(_ launcher: Launcher = .ofThisProcess) -> Int32? {
        if isLog(Console.environment) { return nil }
        // In a file that records a terminal a bar is as much in the way as in any other.
        if case .program(let process, _) = launcher.recorder {
            guard let descriptor = openTerminal(of: process) else { return nil }
            close(descriptor)
        }
        switch launcher.ancestry {
        case .program(_, "slurmstepd") where launcher.isInteractiveStep, .none:
            return isatty(STDOUT_FILENO) == 1 ? STDOUT_FILENO : nil
        case .program(let process, _):
            // mpirun gives each rank a terminal of its own, whatever mpirun's own output is, and a script in between
            // hands it on: both must be one. On another host the launcher is a daemon without a terminal.
            guard isatty(STDOUT_FILENO) == 1 || isPipe(to: process) else { return nil }
            return openTerminal(of: process)
        case .unknown: return nil
        }
    }

    /// The terminal that is a process's standard output.
    private static func openTerminal(of process: Int32) -> Int32? {
        let descriptor = open("/proc/\(process)/fd/1", O_WRONLY | O_NOCTTY | O_CLOEXEC)
        if descriptor < 0 { return nil }
        if isatty(descriptor) == 1 { return descriptor }
        close(descriptor)
        return nil
    }

    /// Whether standard output is a pipe that the launcher itself reads, as a build without terminals makes it.
    private static func isPipe(to process: Int32) -> Bool {
        func pipe(_ path: String) -> String? {
            SymbolicLink.target(of: path).flatMap { $0.hasPrefix("pipe:") ? $0 : nil }
        }
        guard let own = pipe("/proc/self/fd/1"), let names = try? Folder.names(in: "/proc/\(process)/fd") else {
            return false
        }
        return names.contains { pipe("/proc/\(process)/fd/\($0)") == own }
    }
}

/// What becomes of the text that a launcher on this host passes on: it ignores errors of its own standard output.
package enum LauncherOutput {
    /// The error that the launcher met, as far as it can be seen from here; nil where all seems well.
    package static var failure: Int32? {
        guard case .program(let process, let name) = Launcher.ofThisProcess.ancestry, name != "slurmstepd" else {
            return nil
        }
        let path = "/proc/\(process)/fd/1"
        if Launcher.frontEnds.contains(name), isClosed(of: process) { return EBADF }
        var status = stat()
        if stat(path, &status) != 0 { return nil }
        // The device that is always full.
        if status.st_mode & S_IFMT == S_IFCHR, status.st_rdev == (1 << 8 | 7) { return ENOSPC }
        var space = statvfs()
        guard status.st_mode & S_IFMT == S_IFREG, statvfs(path, &space) == 0, space.f_blocks > 0 else { return nil }
        return (geteuid() == 0 ? space.f_bfree : space.f_bavail) == 0 ? ENOSPC : nil
    }

    /// Whether a process was started without standard output: the number is free, or was given to something else that
    /// takes none, as the link's mode shows.
    private static func isClosed(of process: Int32) -> Bool {
        var link = stat()
        if lstat("/proc/\(process)/fd/1", &link) == 0 { return link.st_mode & S_IWUSR == 0 }
        return errno == ENOENT && access("/proc/\(process)/fd", R_OK | X_OK) == 0
    }
}

/// Gives the shell's prompt, and an error, a line of their own where a bar stands.
package enum BarLine {
    /// Whether the cursor stands behind a bar: all that the signal handler reads.
    private static let isOpen = Atomic<Bool>(false)

    package static func stands(_ isBar: Bool) {
        if isBar { _ = signalsAreCaught }
        isOpen.store(isBar, ordering: .relaxed)
    }

    package static func end() {
        guard isOpen.exchange(false, ordering: .relaxed) else { return }
        // Behind the bar's text, which may still be on its way through mpirun.
        var newline = UInt8(ascii: "\n")
        _ = write(STDOUT_FILENO, &newline, 1)
    }

    /// Signals that end the process end the bar's line before; the process still dies by them. Ignored ones stay so.
    private static let signalsAreCaught: Void = {
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGXCPU] {
            var action = sigaction()
            guard sigaction(number, nil, &action) == 0, action.__sigaction_handler.sa_handler == nil else { continue }
            // The handler is gone when it runs, so that the signal, raised anew, has its usual effect once it returns.
            action.__sigaction_handler.sa_handler = { number in
                BarLine.end()
                raise(number)
            }
            action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
            sigaction(number, &action, nil)
        }
    }()
}
