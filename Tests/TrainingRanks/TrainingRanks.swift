import RankCases

@main
enum TrainingRanks {
    static func main() {
        RankProgram(
            cases: fusedReductionCases + trainerCases + precisionCases,
            failingCases: fusedReductionFailingCases + trainerFailingCases
        ).run()
    }
}
