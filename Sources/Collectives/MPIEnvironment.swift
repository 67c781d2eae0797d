import CMPI
import Glibc

/// Which threads of a process may call MPI, from least to most.
package enum ThreadLevel: Int, Sendable, Comparable, CaseIterable {
    /// The process has one thread.
    case single
    /// Only the thread that initialized MPI.
    case funneled
    /// Any thread, one at a time.
    case serialized
    /// Any threads at once.
    case multiple

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    var mpiValue: Int32 {
        switch self {
        case .single: cmpi_thread_single()
        case .funneled: cmpi_thread_funneled()
        case .serialized: cmpi_thread_serialized()
        case .multiple: cmpi_thread_multiple()
        }
    }
}

/// MPI, from initialization to finalization. A process can have one, once.
///
/// MPI is finalized when this object and every ``Communicator`` are gone, so hold it in a function: a global is never
/// released. Finalizing waits for the other ranks; an error must therefore end the job (``JobFailure``) *before* it
/// unwinds past the environment, or a job of which one rank failed would hang.
package final class MPIEnvironment {
    /// All ranks of the job.
    package let world: Communicator
    /// What MPI provides: at least what was required.
    package let threadLevel: ThreadLevel

    /// Initializes MPI. Every rank must call it; it waits for all of them.
    ///
    /// Throws when MPI was initialized before, or when it does not provide `level`.
    package init(requiring level: ThreadLevel) throws(MPIError) {
        let library = try MPILibrary(requiring: level)
        threadLevel = library.provided
        // MPI reports some errors that have no communicator of their own on these two.
        try checkMPI(cmpi_return_errors(cmpi_self()), "MPI_Comm_set_errhandler")
        world = try Communicator(world: library)
    }

    package static var isInitialized: Bool { cmpi_is_initialized() != 0 }
    package static var isFinalized: Bool { cmpi_is_finalized() != 0 }
    /// Whether MPI can be called now.
    static var isLive: Bool { isInitialized && !isFinalized }

    /// The MPI library's name and version, such as `Open MPI v4.1.4`; known before MPI is initialized.
    package static var libraryName: String {
        var characters = [CChar](repeating: 0, count: Int(cmpi_max_library_version()) + 1)
        var length: Int32 = 0
        guard cmpi_library_version(&characters, &length) == cmpi_success() else { return "unknown MPI" }
        let text = characters.prefix(Int(length)).map { UInt8(bitPattern: $0) }
        // A package and dates follow the name.
        return String(decoding: text.prefix { $0 >= 32 && $0 != UInt8(ascii: ",") }, as: UTF8.self)
    }

    /// How many ranks of the job the launcher started on this host; 1 where it does not say.
    package static var launchedRanksOnHost: Int {
        // A shell may have inherited a job's variables.
        guard Launcher.ofThisProcess.rank != nil else { return 1 }
        for name in ["OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"] {
            if let text = getenv(name), let count = Int(String(cString: text)), count > 0 { return count }
        }
        return 1
    }

    /// This process's rank in the job, by MPI where it can be asked and by the launcher's word where not.
    package static var jobRank: Int? {
        var rank: Int32 = 0
        guard isLive, cmpi_rank(cmpi_world(), &rank) == cmpi_success() else { return Launcher.ofThisProcess.rank }
        return Int(rank)
    }

    /// Ends every rank of the job at once. Before MPI is initialized the launcher is asked to; where it cannot be, this
    /// process ends, which makes the launcher end the rest.
    package static func abort(status: Int32) -> Never {
        if isLive {
            _ = cmpi_abort(cmpi_world(), status)
        } else if !isInitialized, case .program = Launcher.ofThisProcess.ancestry {
            cmpi_abort_before_init(status)
        }
        exit(status)
    }
}

/// Says once that MPI's start takes long. Where a rank has ended before it, or is another program, Open MPI waits for
/// that rank for ever, without a word.
private enum StartWatch {
    private static let line: StaticString = """
        crsam-dist: warning: rank 0: MPI has waited 30 s for the other ranks: a rank that has ended without \
        crsam-dist, or is another program, is waited for without end; start the same command on every rank

        """

    static func around(_ start: () -> Int32) -> Int32 {
        var (action, earlier) = (sigaction(), sigaction())
        guard Launcher.ofThisProcess.rank == 0, sigaction(SIGALRM, nil, &earlier) == 0,
            earlier.__sigaction_handler.sa_handler == nil
        else { return start() }
        action.__sigaction_handler.sa_handler = { _ in
            _ = write(STDERR_FILENO, StartWatch.line.utf8Start, StartWatch.line.utf8CodeUnitCount)
        }
        action.sa_flags = SA_RESTART
        sigaction(SIGALRM, &action, nil)
        alarm(30)
        defer {
            alarm(0)
            sigaction(SIGALRM, &earlier, nil)
        }
        return start()
    }
}

/// Owns MPI's life. The environment and all communicators share it, so that MPI outlives each of them.
final class MPILibrary {
    let provided: ThreadLevel

    init(requiring level: ThreadLevel) throws(MPIError) {
        let call: StaticString = "MPI_Init_thread"
        if MPIEnvironment.isInitialized {
            throw MPIError(
                code: cmpi_error_other(), call: call,
                text: "MPI has already been initialized in this process; share the one MPIEnvironment")
        }
        // Open MPI's own choice for a nonblocking all-reduce among few ranks sends the whole buffer to one and back;
        // Rabenseifner's algorithm (3) sends each rank's part both ways at once. What the user has set stays.
        setenv("OMPI_MCA_coll_libnbc_iallreduce_algorithm", "3", 0)
        // A process without a launcher needs no daemon beside it: Open MPI 4 starts one otherwise, which takes 0.1 s,
        // wants ssh in PATH, and has outlived and outgrown its process (12 GB) where descriptors or limits were odd.
        setenv("OMPI_MCA_ess_singleton_isolated", "1", 0)
        let launcher = Launcher.ofThisProcess
        // All such processes of a user have one folder in TMPDIR then, and one that ends removes it while another
        // begins, which ends that one. It holds what ranks of a host share: one rank needs none, nor a TMPDIR that is
        // there.
        if launcher.rank == nil || launcher.isAloneInStep { setenv("OMPI_MCA_orte_create_session_dirs", "0", 0) }
        // In a step Open MPI asks a PMI for the other ranks, and ends the process where it has none to ask.
        if launcher.isAloneInStep { unsetenv("SLURM_STEP_ID") }
        var provided: Int32 = 0
        let code = StartWatch.around { cmpi_init_thread(level.mpiValue, &provided) }
        try checkMPI(code, call)
        self.provided = ThreadLevel.allCases.last { $0.mpiValue <= provided } ?? .single
        // From here on a throw runs deinit, which finalizes.
        if self.provided < level {
            throw MPIError(
                code: cmpi_error_other(), call: call,
                text: "thread level \(level) is needed, this MPI provides \(self.provided); "
                    + "use an MPI library built with thread support")
        }
    }

    deinit {
        // No caller is left to handle an error.
        if !MPIEnvironment.isFinalized { _ = cmpi_finalize() }
    }
}
