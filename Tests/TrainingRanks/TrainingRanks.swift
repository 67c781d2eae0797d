import RankCases

@main
enum TrainingRanks {
    static func main() {
        RankProgram(
            cases: fusedReductionCases + trainerCases + averageCases + precisionCases + goldenRunCases
                + sampleCases + probeCases,
            failingCases: fusedReductionFailingCases + trainerFailingCases
        ).run()
    }
}
