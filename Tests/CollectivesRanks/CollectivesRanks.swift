import Collectives
import RankCases

@main
enum CollectivesRanks {
    static func main() {
        if CommandLine.arguments.dropFirst().first == "fail-before-init" {
            JobFailure.end("cannot read /data: failing on purpose before MPI is initialized", status: 3)
        }
        RankProgram(
            cases: blockingCases + groupCases + nonblockingCases + errorCases, failingCases: failingCases
        ).run()
    }
}
