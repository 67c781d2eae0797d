import RankCases

@main
enum TrainingRanks {
    static func main() {
        RankProgram(cases: fusedReductionCases + trainerCases, failingCases: fusedReductionFailingCases).run()
    }
}
