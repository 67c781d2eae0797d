import Collectives
import Testing

@Suite struct LauncherTests {
    private static let byHand = Launcher.Ancestry.none
    private static let started = Launcher.Ancestry.program(process: 7, name: "mpirun")

    private func launcher(_ environment: [String: String], _ ancestry: Launcher.Ancestry = byHand) -> Launcher {
        Launcher(environment: environment, ancestry: ancestry)
    }

    /// Process and its parent, as the walk sees them.
    private func nearest(_ names: [Int32: (name: String, parent: Int32)], above parent: Int32) -> Launcher.Ancestry {
        Launcher.nearest(above: parent) { names[$0] }
    }

    @Test func `a launcher is found behind scripts`() {
        let tree: [Int32: (name: String, parent: Int32)] = [
            30: ("sh", 20), 20: ("time", 10), 10: ("mpirun", 5), 5: ("orted", 1), 1: ("systemd", 0),
        ]
        #expect(nearest(tree, above: 30) == .program(process: 10, name: "mpirun"))
        #expect(nearest([1: ("mpiexec", 0)], above: 1) == .program(process: 1, name: "mpiexec"))
    }

    @Test func `a tree without one is read to its top`() {
        #expect(nearest([9: ("bash", 1), 1: ("init", 0)], above: 9) == .none)
        // As in a container.
        #expect(nearest([:], above: 0) == .none)
    }

    @Test func `a process that cannot be looked at leaves it open`() {
        #expect(nearest([9: ("bash", 8)], above: 9) == .unknown)
        #expect(nearest([9: ("bash", 9)], above: 9) == .unknown)
    }

    @Test(arguments: [
        (["OMPI_COMM_WORLD_RANK": "3", "PMIX_RANK": "1", "PMIX_NAMESPACE": "a"], 3), (["PMI_RANK": "2"], 2),
        (["SLURM_PROCID": "1"], 1), (["SLURM_PROCID": "0", "SLURM_STEP_ID": "0"], 0), (["SLURM_PROCID": "0"], nil),
        (["PMIX_RANK": "1"], nil), (["PMI_RANK": "-1"], nil), ([:], nil),
    ])
    func `a rank is believed where a launcher may have given it`(environment: [String: String], rank: Int?) {
        #expect(launcher(environment, Self.started).rank == rank)
        #expect(launcher(environment, .unknown).rank == rank)
        #expect(launcher(environment).rank == nil)
    }

    @Test(arguments: [
        (["PMI_SIZE": "2", "PMI_RANK": "1"], "PMI_SIZE is 2"),
        (["OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "0"], "OMPI_COMM_WORLD_SIZE is 4"),
        (["SLURM_PROCID": "0", "SLURM_STEP_ID": "0", "SLURM_NTASKS": "2"], "SLURM_NTASKS is 2"),
        (["SLURM_PROCID": "5"], "SLURM_PROCID is 5"), (["MPI_LOCALNRANKS": "2"], "MPI_LOCALNRANKS is 2"),
        (["PMIX_NAMESPACE": "a", "PMIX_RANK": "1"], "PMIX_RANK is 1"), (["ALPS_APP_PE": "1"], "ALPS_APP_PE is 1"),
    ])
    func `one rank where the launcher has more is a contradiction`(environment: [String: String], words: String) {
        for ancestry in [Self.byHand, Self.started, .unknown] {
            #expect(launcher(environment, ancestry).contradiction(ranks: 1)?.words == words)
        }
        // Connected ranks are a job, whatever lies around their mpirun.
        #expect(launcher(environment).contradiction(ranks: 2) == nil)
    }

    @Test(arguments: [
        ["SLURM_NTASKS": "8"], ["SLURM_NTASKS": "8", "SLURM_PROCID": "0"],
        ["SLURM_NTASKS": "8", "SLURM_PROCID": "0", "SLURM_STEP_ID": "4294967291"],
        ["SLURM_NTASKS": "8", "SLURM_PROCID": "0", "SLURM_STEP_ID": "0", "SLURM_PTY_PORT": "1"],
        ["SLURM_NTASKS": "8", "SLURM_PROCID": "0", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "1"],
        ["PMI_SIZE": "1", "PMI_RANK": "0"], ["PMI_RANK": "1"], ["PMIX_NAMESPACE": "a", "PMIX_RANK": "0"],
        // mpirun of one rank within a job of another launcher.
        ["OMPI_COMM_WORLD_SIZE": "1", "PMI_SIZE": "4", "PMI_RANK": "2"], [:],
    ])
    func `a command that runs alone is no contradiction`(environment: [String: String]) {
        #expect(launcher(environment).contradiction(ranks: 1) == nil)
    }

    @Test(arguments: [
        ([:], true), (["SLURM_PROCID": "0"], true), (["OMPI_COMM_WORLD_SIZE": "1"], false), (["PMI_RANK": "0"], false),
    ])
    func `a process of mpirun without its variables is cut off`(environment: [String: String], isCutOff: Bool) {
        #expect((launcher(environment, Self.started).isCutOff?.name == "mpirun") == isCutOff)
        #expect(launcher(environment, .unknown).isCutOff == nil)
        #expect(launcher(environment).isCutOff == nil)
        // Batch scripts are its children, too.
        #expect(launcher(environment, .program(process: 7, name: "slurmstepd")).isCutOff == nil)
    }

    @Test(arguments: [
        (["SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "1"], true),
        (["SLURM_STEP_ID": "0", "SLURM_NTASKS": "2"], false),
        (["SLURM_STEP_ID": "0", "SLURM_NTASKS": "2", "SLURM_PTY_PORT": "1"], true),
        (["SLURM_STEP_ID": "4294967290"], true),
        (["SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "1", "PMIX_NAMESPACE": "a", "PMIX_RANK": "0"], false),
        (["SLURM_STEP_NUM_TASKS": "1"], false), ([:], false),
    ])
    func `a step of one task needs no PMI`(environment: [String: String], isAlone: Bool) {
        #expect(launcher(environment).isAloneInStep == isAlone)
    }
}
