import Files
import TensorFiles
import TestSupport
import Testing
import Training

private func epoch(_ number: Int, _ accuracy: Double?, ema: Double? = nil) -> EpochMetrics {
    EpochMetrics(
        epoch: number, trainLoss: 1, trainAccuracy: 0.5, testLoss: 1, testAccuracy: accuracy, learningRate: 0.1,
        seconds: 1, further: ema.map { [FurtherEvaluation("ema", loss: 1, accuracy: $0)] } ?? [])
}

@Suite struct BestEvaluationTests {
    /// The best after epochs of ten steps.
    private func best(_ epochs: [EpochMetrics]) -> BestEvaluation {
        let best = BestEvaluation()
        for metrics in epochs {
            best.stepEnds(StepMetrics(step: 10 * metrics.epoch, epoch: metrics.epoch, [:]))
            best.epochEnds(metrics)
        }
        return best
    }

    @Test func `the highest accuracy is the best, of equal ones the first, and of the average where there is one`() {
        #expect(best([]).result == nil && best([epoch(1, nil)]).result == nil)
        #expect(best([epoch(1, 0)]).result == .init(step: 10, epoch: 1, accuracy: 0))
        let epochs = [epoch(1, 0.5), epoch(2, 0.7), epoch(3, nil), epoch(4, 0.7), epoch(5, 0.6)]
        #expect(best(epochs).result == .init(step: 20, epoch: 2, accuracy: 0.7))
        let averaged = [epoch(1, 0.5, ema: 0.1), epoch(2, 0.9, ema: 0.3), epoch(3, 0.5, ema: 0.4)]
        #expect(best(averaged).result == .init(step: 30, epoch: 3, accuracy: 0.4))
    }

    @Test func `it survives a restart`() throws {
        let folder = try TemporaryFolder()
        for epochs in [[], [epoch(1, 0.5), epoch(2, 0.25)]] {
            let before = best(epochs)
            let path = folder.file("optimizer.safetensors")
            try SafeTensors.write(before.tensors, to: OutputFile(path))
            let after = BestEvaluation()
            try after.restore(from: SafeTensorsFile(path))
            #expect(after.result == before.result)
        }
    }
}
