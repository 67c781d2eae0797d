/// What one epoch came to: a row of `epochs.csv`.
package struct EpochMetrics: Sendable, Equatable {
    /// Counts from 1.
    package var epoch: Int
    /// Means over the epoch's samples, each as it was before its batch's update.
    package var trainLoss: Double
    package var trainAccuracy: Double
    /// Nil where the epoch was not evaluated.
    package var testLoss: Double?
    package var testAccuracy: Double?
    /// Of the epoch's last step.
    package var learningRate: Double
    /// Training and evaluation.
    package var seconds: Double

    package init(
        epoch: Int, trainLoss: Double, trainAccuracy: Double, testLoss: Double? = nil, testAccuracy: Double? = nil,
        learningRate: Double, seconds: Double
    ) {
        self.epoch = epoch
        self.trainLoss = trainLoss
        self.trainAccuracy = trainAccuracy
        self.testLoss = testLoss
        self.testAccuracy = testAccuracy
        self.learningRate = learningRate
        self.seconds = seconds
    }

    /// The columns behind the first, `epoch`.
    private static let columns: [(name: String, value: @Sendable (EpochMetrics) -> Double?)] = [
        ("train_loss", { $0.trainLoss }),
        ("train_accuracy", { $0.trainAccuracy }),
        ("test_loss", { $0.testLoss }),
        ("test_accuracy", { $0.testAccuracy }),
        ("learning_rate", { $0.learningRate }),
        ("seconds", { $0.seconds }),
    ]

    static let header = "epoch," + columns.map(\.name).joined(separator: ",") + "\n"

    var row: String {
        "\(epoch)," + Self.columns.map { column in column.value(self).map { "\($0)" } ?? "" }.joined(separator: ",")
            + "\n"
    }
}
