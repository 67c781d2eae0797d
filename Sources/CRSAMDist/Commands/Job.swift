import Collectives
import Compute
import Glibc
import Logging
import Measurements
import Training
import Vectors

/// One rank's life, from the start of MPI to its end: what a command runs in.
package enum Job {
    /// The program's version, and what decides its results and speed beside it: libraries, and the instructions that
    /// they use.
    package static var version: String {
        let commit = MachineDescription().commit.map { " (checkout \($0.prefix(12)))" } ?? ""
        return """
            crsam-dist 0.2.0\(commit)
            \(MPIEnvironment.libraryName), \(Network.libraryName)
            \(OpenBLAS.configuration)
            instruction set of oneDNN: \(Network.instructionSet)
            """
    }

    /// Initializes MPI, runs `body` on every rank, finalizes. An error on any rank ends the whole job at once, with one
    /// line on standard error and a non-zero status. What makes the run slow on its hosts is reported before
    /// (``HostWarnings``).
    ///
    /// - Parameters:
    ///   - command: its name.
    ///   - flags: those beside the configuration that every rank must have been started with alike, by name.
    package static func run(
        _ command: String, flags: [(name: String, value: String)] = [], _ configuration: RunConfiguration,
        _ body: (Communicator) throws -> Void
    ) {
        run(command, flags: flags, { _ in configuration }, { _, world in try body(world) })
    }

    /// The same where only the ranks together know the configuration.
    package static func run(
        _ command: String, flags: [(name: String, value: String)],
        _ resolve: (Communicator) throws -> RunConfiguration, _ body: (RunConfiguration, Communicator) throws -> Void
    ) {
        let launcher = Launcher.ofThisProcess
        FlatVector.whenExhausted = { bytes in
            JobFailure.end(
                "no memory for a vector of \(bytes >> 20) MiB: less was left than at the start, by other processes or "
                    + "a limit; use a host with more memory, fewer ranks on it, or a higher limit "
                    + "(ulimit -d, ulimit -v, cgroup)")
        }
        JobFailure.endingJob {
            try requireMinimum("the start of MPI")
            try RunMemory.requireAddressSpace()
            let environment = try MPIEnvironment(requiring: .funneled)
            if let disagreement = LauncherDisagreement(launcher, ranks: environment.world.size) {
                JobFailure.end("\(disagreement)", rank: launcher.rank)
            }
            JobFailure.endingJob(describedBy: Self.describe) {
                // Before any other collective: commands and flags decide which those are.
                try ConfigurationAgreement.check([("command", command)] + flags, environment.world)
                let configuration = try resolve(environment.world)
                try HostWarnings.show(configuration, isLaunched: launcher.rank != nil, environment.world)
                try body(configuration, environment.world)
            }
        }
    }

    /// Before a command's libraries take memory: below this much they end a process without a word.
    package static func requireMinimum(_ purpose: String) throws {
        try RunMemory.requireMinimum(purpose)
    }

    private static func describe(_ error: any Error) -> String {
        BarLine.end()
        return "\(error)"
    }

    /// To be called first of all, before a file or a library is opened. Ends the process where an argument is no text.
    package static func prepare() {
        Console.secureDescriptors()
        LoggingSystem.bootstrap { _ in ConsoleLogHandler() }
        // A file that may not grow and a reader that went away are errors of a write, which say where; not silent
        // deaths. Not ignored, but caught by nothing: MPI's daemon, started by this process, would inherit the former,
        // and go on for ever where it should die.
        for number in [SIGXFSZ, SIGPIPE] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in }
            action.sa_flags = SA_RESTART
            sigaction(number, &action, nil)
        }
        // Ctrl-\ ends a program; Swift's runtime would ask, for half a minute, whether to debug it.
        let earlier = signal(SIGQUIT, SIG_DFL)
        if isIgnoring(earlier) { signal(SIGQUIT, SIG_IGN) }
        if let problem = CommandText.problem(CommandLine.arguments) { fail(problem, status: 64) }
    }

    private static func isIgnoring(_ handler: __sighandler_t?) -> Bool {
        unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN as __sighandler_t?, to: Int.self)
    }

    /// Prints text that needs no MPI: once, however many ranks were started to print it.
    package static func print(_ text: () throws -> String) throws {
        if (Launcher.ofThisProcess.rank ?? 0) == 0 { try Console.print(text()) }
    }

    /// Ends the whole job with one line on standard error.
    package static func fail(_ message: String, status: Int32 = 1) -> Never { JobFailure.end(message, status: status) }
}
