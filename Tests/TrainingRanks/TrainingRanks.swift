import RankCases

@main
enum TrainingRanks {
    static func main() {
        RankProgram(
            cases: fusedReductionCases + trainerCases + precisionCases + goldenRunCases + probeCases,
            failingCases: fusedReductionFailingCases + trainerFailingCases
        ).run()
    }
}
