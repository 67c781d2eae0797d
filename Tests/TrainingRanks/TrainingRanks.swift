import RankCases

@main
enum TrainingRanks {
    static func main() {
        RankProgram(
            cases: fusedReductionCases + trainerCases + averageCases + precisionCases + goldenRunCases
                + sampleCases,
            failingCases: fusedReductionFailingCases + trainerFailingCases
        ).run()
    }
}
