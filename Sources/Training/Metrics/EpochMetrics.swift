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
    /// What was evaluated beside the weights on the test images; empty where the epoch was not evaluated.
    package var further: [FurtherEvaluation]

    package init(
        epoch: Int, trainLoss: Double, trainAccuracy: Double, testLoss: Double? = nil, testAccuracy: Double? = nil,
        learningRate: Double, seconds: Double, further: [FurtherEvaluation] = []
    ) {
        self.epoch = epoch
        self.trainLoss = trainLoss
        self.trainAccuracy = trainAccuracy
        self.testLoss = testLoss
        self.testAccuracy = testAccuracy
        self.learningRate = learningRate
        self.seconds = seconds
        self.further = further
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

    /// - Parameter further: names of what is evaluated beside the weights on the test images.
    static func header(_ further: [String]) -> String {
        let names = columns.map(\.name) + further.flatMap { ["test_loss_\($0)", "test_accuracy_\($0)"] }
        return "epoch," + names.joined(separator: ",") + "\n"
    }

    /// The row below such a header.
    func row(_ names: [String]) -> String {
        let others = names.flatMap { name -> [Double?] in
            let result = further.first { $0.name == name }
            return [result?.loss, result?.accuracy]
        }
        let cells = (Self.columns.map { $0.value(self) } + others).map { value in value.map { "\($0)" } ?? "" }
        return "\(epoch)," + cells.joined(separator: ",") + "\n"
    }
}
