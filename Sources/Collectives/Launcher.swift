import Glibc

/// Who started this process, as far as it shows without MPI: the launcher's variables and the processes above this one.
///
/// The variables alone are not believed: a shell may have inherited them from a job that has nothing to do with this
/// process, and a launcher of another MPI sets them for processes that MPI cannot join.
package struct Launcher: Sendable {
    /// What the processes above this one say.
    package enum Ancestry: Sendable, Equatable {
        /// Such as mpirun or a daemon of it, and the program's name.
        case program(process: Int32, name: String)
        /// The top was reached without one.
        case none
        /// A process above could not be looked at.
        case unknown
    }

    /// Variables of one kind of launcher: the ranks of the job, this process's rank, what must be set for them to
    /// count.
    private struct Variables {
        var size: String?
        var rank: String
        var needed: String?
    }

    /// Open MPI's first: its mpirun may have been started inside any other's job, the other way round is rare.
    private static let openMPI = Variables(size: "OMPI_COMM_WORLD_SIZE", rank: "OMPI_COMM_WORLD_RANK")
    private static let others = [
        Variables(size: "MV2_COMM_WORLD_SIZE", rank: "MV2_COMM_WORLD_RANK"),
        // MPICH, Intel MPI, and srun with PMI 1 or 2.
        Variables(size: "PMI_SIZE", rank: "PMI_RANK"),
        Variables(size: "MPI_LOCALNRANKS", rank: "MPI_LOCALRANKID"),
        Variables(size: "FLUX_JOB_SIZE", rank: "FLUX_TASK_RANK"),
        Variables(size: "JSM_NAMESPACE_SIZE", rank: "JSM_NAMESPACE_RANK"),
        Variables(rank: "PALS_RANKID"),
        Variables(rank: "ALPS_APP_PE"),
        Variables(rank: "PMIX_RANK", needed: "PMIX_NAMESPACE"),
    ]

    package static let programs: Set = [
        "mpirun", "mpiexec", "orterun", "orted", "prterun", "prte", "prted", "prun", "slurmstepd", "hydra_pmi_proxy",
        "hydra_bstrap_pr", "pmi_proxy", "mpiexec.hydra", "mpispawn", "mpirun_rsh", "palsd", "apinit", "jsmd",
        "flux-shell",
    ]

    /// Those of them that give each process they start variables of its own, and start nothing else.
    private static let setters = programs.subtracting([
        "slurmstepd", "flux-shell", "palsd", "apinit", "jsmd", "mpirun_rsh", "mpispawn",
    ])
    /// Those that a person starts: their standard output is that of the job.
    package static let frontEnds: Set = ["mpirun", "mpiexec", "orterun", "prterun", "mpiexec.hydra"]

    /// Programs that give a command a terminal of its own and pass on or record what it writes there.
    private static let recorders: Set = ["script", "unbuffer", "expect"]

    private let environment: [String: String]
    package let ancestry: Ancestry
    /// The nearest program above that lends its own terminal.
    package let recorder: Ancestry

    /// Of this process. MPI's initialization sets variables of its own, so that this must come before it.
    package static let ofThisProcess = Launcher(
        environment: processEnvironment(), ancestry: nearest(programs, above: getppid(), process: readProcess),
        recorder: nearest(recorders, above: getppid(), process: readProcess))

    package init(environment: [String: String], ancestry: Ancestry, recorder: Ancestry = .none) {
        self.environment = environment
        self.ancestry = ancestry
        self.recorder = recorder
    }

    /// The rank that the launcher gave this process; `nil` for a process that was started by hand.
    package var rank: Int? {
        if case .none = ancestry { return nil }
        for variables in [Self.openMPI] + Self.others {
            if let rank = number(variables.rank), has(variables.needed) { return rank }
        }
        return isInStep || (number("SLURM_PROCID") ?? 0) > 0 ? number("SLURM_PROCID") : nil
    }

    /// Whether a person sits at the terminal of a SLURM step, whose tasks say nothing about what is typed there.
    package var isInteractiveStep: Bool { has("SLURM_PTY_PORT") }

    /// The launcher that started this process where nothing of what it set is left, as behind `sudo` or in a container
    /// with an environment of its own: MPI takes each such process for a job of one rank. `OMPI_COMM_WORLD_SIZE=1` says
    /// that it is one.
    package var isCutOff: (process: Int32, name: String)? {
        guard case .program(let process, let name) = ancestry, Self.setters.contains(name),
            environment.keys.allSatisfy({ $0.hasPrefix("SLURM_") })
        else { return nil }
        return (process, name)
    }

    /// Whether this is a SLURM step of one task, or of a person at a terminal, of which no PMI knows.
    package var isAloneInStep: Bool {
        guard has("SLURM_STEP_ID"), environment.keys.allSatisfy({ $0.hasPrefix("SLURM_") }) else { return false }
        return isInteractiveStep || !isInStep || stepTasks?.count == 1
    }

    /// What contradicts MPI's number of ranks, such as `PMI_SIZE is 2`, and its variable; `nil` where nothing does.
    ///
    /// Only a process that MPI takes for a job of its own can be one of several that should have been one job: more
    /// than one rank are connected, and what else is set comes from around their mpirun.
    package func contradiction(ranks: Int) -> (words: String, variable: String)? {
        guard ranks == 1 else { return nil }
        if let size = number("OMPI_COMM_WORLD_SIZE") {
            return size > 1 ? ("OMPI_COMM_WORLD_SIZE is \(size)", "OMPI_COMM_WORLD_SIZE") : nil
        }
        for variables in Self.others where has(variables.needed) {
            if let name = variables.size {
                if let size = number(name), size > 1 { return ("\(name) is \(size)", name) }
            } else if let rank = number(variables.rank), rank > 0 {
                return ("\(variables.rank) is \(rank)", variables.rank)
            }
        }
        return stepContradiction
    }

    /// SLURM sets the allocation's tasks in a batch script, too, where a command that runs alone is right.
    private var stepContradiction: (words: String, variable: String)? {
        guard let rank = number("SLURM_PROCID"), !isInteractiveStep else { return nil }
        if rank > 0 { return ("SLURM_PROCID is \(rank)", "SLURM_PROCID") }
        guard isInStep, let (name, count) = stepTasks, count > 1 else { return nil }
        return ("\(name) is \(count)", name)
    }

    private var stepTasks: (variable: String, count: Int)? {
        for name in ["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS"] {
            if let tasks = number(name) { return (name, tasks) }
        }
        return nil
    }

    /// Whether srun started this step; the numbers of batch scripts, interactive and other special steps are the
    /// largest.
    private var isInStep: Bool {
        guard let step = number("SLURM_STEP_ID") ?? number("SLURM_STEPID") else { return false }
        return step < 0xFFFF_FFF0
    }

    private func number(_ name: String) -> Int? {
        environment[name].flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
    }

    private func has(_ name: String?) -> Bool { name.map { environment[$0]?.isEmpty == false } ?? true }

    /// - Parameters:
    ///   - parent: where the walk begins.
    ///   - process: name and parent of a process; nil where it cannot be looked at.
    package static func nearest(
        _ programs: Set<String> = programs, above parent: Int32, process: (Int32) -> (name: String, parent: Int32)?
    ) -> Ancestry {
        var current = parent
        // Deeper than any real tree: ends a walk through processes that come and go.
        for _ in 0..<256 {
            // The first process has no parent.
            if current <= 0 { return .none }
            guard let ancestor = process(current) else { return .unknown }
            if programs.contains(ancestor.name) { return .program(process: current, name: ancestor.name) }
            current = ancestor.parent
        }
        return .unknown
    }

    private static func readProcess(_ process: Int32) -> (name: String, parent: Int32)? {
        guard let file = fopen("/proc/\(process)/stat", "re") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = fread(&bytes, 1, bytes.count, file)
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        // "12 (name) S 7 …"; the name may hold spaces and brackets.
        guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")") else { return nil }
        let fields = text[close...].split(separator: " ")
        guard fields.count > 2, let parent = Int32(fields[2]) else { return nil }
        return (String(text[text.index(after: open)..<close]), parent)
    }

    private static func processEnvironment() -> [String: String] {
        var names = ["SLURM_PROCID", "SLURM_STEP_ID", "SLURM_STEPID", "SLURM_PTY_PORT"]
        names += ["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS"]
        for variables in [openMPI] + others {
            names += [variables.size, variables.rank, variables.needed].compactMap(\.self)
        }
        var environment: [String: String] = [:]
        for name in names {
            if let value = getenv(name) { environment[name] = String(cString: value) }
        }
        return environment
    }
}

/// MPI and the launcher disagree about how many ranks there are: each process would run the whole job by itself.
package struct LauncherDisagreement: Error, CustomStringConvertible {
    package let description: String

    /// `nil` where they agree.
    package init?(_ launcher: Launcher, ranks: Int) {
        let library = MPIEnvironment.libraryName
        if ranks == 1, let (process, name) = launcher.isCutOff {
            description =
                "started by \(name) (process \(process)), but MPI (\(library)) sees 1 rank, as none of the variables "
                + "that "
                + "\(name) sets is left: each of its processes would run the whole job; hand the environment on (sudo "
                + "-E, a "
                + "container without --cleanenv), or set OMPI_COMM_WORLD_SIZE=1 where this command is to run alone"
            return
        }
        guard let (words, variable) = launcher.contradiction(ranks: ranks) else { return nil }
        description =
            "\(words), but MPI (\(library)) sees 1 rank: the launcher belongs to another MPI, and each of its "
            + "processes would "
            + "run the whole job; use the mpirun of \(library), or srun --mpi=pmix (srun --mpi=list shows the "
            + "choices); where "
            + "no launcher was used, unset \(variable)"
    }
}
