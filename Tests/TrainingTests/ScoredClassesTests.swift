import Glibc
import Testing
import Training

@Suite struct ScoredClassesTests {
    /// Five classes, of which 1, 3 and 4 count. By hand: the largest of all is class 0 or 2 in every sample; of those
    /// that count it is class 3 (right), 1 (right) and 4 (wrong, the label is 1).
    @Test func `predictions and losses are of the columns alone`() {
        let scored = ScoredClasses([1, 3, 4], classCount: 5, batchSize: 4)
        let scores: [Float] = [9, 0, 9, 1, 0, 9, 2, 0, 0, 0, 0, 1, 9, 1, 3]
        for (place, score) in scores.enumerated() { scored.logits[place] = score }
        let labels: [Int32] = [3, 1, 1]
        let result = scored.evaluate(labels: labels)
        // Of columns (0, 1, 0), (2, 0, 0) and (1, 1, 3) with targets 3, 1 and 1.
        let e = exp(1.0)
        let losses = [log(2 + e) - 1, log(2 + e * e) - 2, log(2 * e + e * e * e) - 1]
        #expect(result.correct == 2)
        #expect(abs(result.lossSum - losses.reduce(0, +)) < 1e-12)
    }
}
