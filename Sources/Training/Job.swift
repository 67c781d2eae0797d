import Collectives
import Glibc
import Vectors

/// One rank's life, from the start of MPI to its end: what a command runs in.
public enum Job {
    /// Initializes MPI, runs `body` on every rank, finalizes. An error on any rank ends the whole job at once, with one line on
    /// standard error and a non-zero status. What makes the run slow on its hosts is told before (``HostWarnings``).
    public static func run(_ configuration: RunConfiguration, _ body: (Communicator) throws -> Void) {
        run({ _ in configuration }, { _, world in try body(world) })
    }

    /// The same where only the ranks together know the configuration.
    public static func run(
        _ resolve: (Communicator) throws -> RunConfiguration, _ body: (RunConfiguration, Communicator) throws -> Void
    ) {
        // A file that may not grow and a reader that went away are errors of a write, which say where; not silent deaths.
        signal(SIGXFSZ, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
        // Once initialized, MPI sets a launcher's variables in a process without one too.
        let isLaunched = MPIEnvironment.launchedRank != nil
        JobFailure.endingJob {
            let environment = try MPIEnvironment(requiring: .funneled)
            JobFailure.endingJob {
                let configuration = try resolve(environment.world)
                // More ranks than cores would otherwise wait for each other with the processor in their hands.
                LinearAlgebraThreads.set(Int32(configuration.threads))
                try HostWarnings.show(configuration, isLaunched: isLaunched, environment.world)
                try body(configuration, environment.world)
            }
        }
    }

    /// Whether this process is the one that prints before MPI is initialized: rank 0, or one started without mpirun.
    public static var speaksBeforeStart: Bool { (MPIEnvironment.launchedRank ?? 0) == 0 }

    /// Ends the whole job with one line on standard error.
    public static func fail(_ message: String, status: Int32 = 1) -> Never { JobFailure.end(message, status: status) }

    /// Ends this process well.
    public static func leave() -> Never {
        fflush(nil)
        exit(0)
    }
}
