import RankCases

@main
enum TrainingRanks {
    static func main() {
        RankProgram(cases: fusedReductionCases, failingCases: fusedReductionFailingCases).run()
    }
}
