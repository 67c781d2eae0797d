import Collectives
import Glibc

/// A program that `Tests/Checks/mpi` starts on several ranks: without an argument it runs every case, with one the case
/// of that name. Rank 0 prints `passed CASE`; a throw on any rank ends the job.
package struct RankProgram {
    let cases: [RankCase]
    /// Cases that must end the job with a non-zero status and one message; run only when named.
    let failingCases: [RankCase]

    package init(cases: [RankCase], failingCases: [RankCase]) {
        self.cases = cases
        self.failingCases = failingCases
    }

    package func run() {
        let launchedRank = Launcher.ofThisProcess.rank
        JobFailure.endingJob {
            try check(!MPIEnvironment.isInitialized, "MPI is initialized before anyone asked")
            try runCases(launchedRank: launchedRank)
            // The environment and the last communicator are gone.
            try check(MPIEnvironment.isFinalized, "MPI is not finalized")
            try checkEqual(MPIEnvironment.jobRank, launchedRank, "rank after the end")
        }
    }

    private func runCases(launchedRank: Int?) throws {
        let world = try initialized()
        JobFailure.endingJob {
            // The environment object is gone; the communicator alone keeps MPI alive.
            try check(MPIEnvironment.isInitialized && !MPIEnvironment.isFinalized, "MPI is not alive")
            try checkEqual(launchedRank ?? 0, world.rank, "the launcher's rank")
            for rankCase in try chosenCases() where world.size >= rankCase.leastRanks {
                try rankCase.run(world)
                try world.barrier()
                if world.rank == 0 {
                    print("passed \(rankCase.name)")
                    fflush(nil)
                }
            }
        }
    }

    private func initialized() throws -> Communicator {
        let environment = try MPIEnvironment(requiring: .multiple)
        try checkEqual(environment.threadLevel, .multiple, "thread level")
        return environment.world
    }

    private func chosenCases() throws -> [RankCase] {
        guard let name = CommandLine.arguments.dropFirst().first else { return cases }
        let chosen = (cases + failingCases).filter { $0.name == name }
        if chosen.isEmpty { throw CheckFailed("no case \(name)") }
        return chosen
    }
}
