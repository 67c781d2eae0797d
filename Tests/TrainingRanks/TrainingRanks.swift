import RankCases

@main
enum TrainingRanks {
    static func main() {
        RankProgram(
            cases: fusedReductionCases + trainerCases + precisionCases + goldenRunCases + sampleCases,
            failingCases: fusedReductionFailingCases + trainerFailingCases
        ).run()
    }
}
