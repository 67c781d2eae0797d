import Compute
import Vectors

/// Scores of some of a network's classes alone, as ImageNet-R and -A are evaluated (Hendrycks et al. 2021,
/// `imagenet-r/eval.py`): of each sample's logits the columns of these classes are kept, and the largest of them is the
/// prediction. The loss is the cross-entropy of these columns.
package final class ScoredClasses {
    /// Takes a batch's scores, samples x classes.
    package let logits: FlatVector
    private let columns: [Int]
    private let classCount: Int
    /// Where each class is among the columns; -1 for the others.
    private var placeOf: [Int]
    private var kept: [Float]

    /// - Parameters:
    ///   - columns: classes, each at least 0 and below `classCount`, which is the network's.
    ///   - batchSize: samples of a batch at most.
    package init(_ columns: [Int], classCount: Int, batchSize: Int) {
        precondition(!columns.isEmpty && columns.allSatisfy { (0..<classCount).contains($0) }, "columns are classes")
        (self.columns, self.classCount) = (columns, classCount)
        logits = FlatVector(count: batchSize * classCount)
        placeOf = [Int](repeating: -1, count: classCount)
        for (place, column) in columns.enumerated() { placeOf[column] = place }
        kept = [Float](repeating: 0, count: columns.count)
    }

    /// Of the samples whose scores ``logits`` holds.
    ///
    /// - Parameter labels: one of the columns each.
    package func evaluate(labels: some Collection<Int32>) -> (lossSum: Double, correct: Int) {
        let loss = CrossEntropy()
        var (lossSum, correct) = (0.0, 0)
        for (sample, label) in labels.enumerated() {
            for (place, column) in columns.enumerated() { kept[place] = logits[sample * classCount + column] }
            let target = placeOf[Int(label)]
            lossSum += loss.evaluate(
                kept, LossTargets(classCount: columns.count, label: target), scale: 1, gradient: nil)
            let best = kept.indices.reduce(0) { kept[$1] > kept[$0] ? $1 : $0 }
            if best == target { correct += 1 }
        }
        return (lossSum, correct)
    }
}
