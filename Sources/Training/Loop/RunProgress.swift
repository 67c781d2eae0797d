import TensorFiles

/// How far a run has come, and the sums of the epoch in progress: kept in checkpoints beside the optimizer's vectors.
package struct RunProgress: Equatable {
    /// Updates of the weights so far.
    package var step = 0
    package var skippedTraceTerms = 0
    package var skippedNormTerms = 0
    /// Updates of BatchNorm's running statistics on rank 0 so far.
    package var statisticsUpdates = 0
    package var epochLossSum = 0.0
    package var epochCorrect = 0.0
    package var epochSamples = 0.0
    package var epochSeconds = 0.0

    private static let countsName = "run.counts"
    private static let sumsName = "run.epoch_sums"
    package static let tensorNames: Set<String> = [countsName, sumsName]

    package var tensors: [NamedTensor] {
        [
            NamedTensor(
                Self.countsName, shape: [4], .int64([step, skippedTraceTerms, skippedNormTerms, statisticsUpdates])),
            NamedTensor(
                Self.sumsName, shape: [4], .float64([epochLossSum, epochCorrect, epochSamples, epochSeconds])),
        ]
    }

    package init() {}

    /// Reads what ``tensors`` wrote.
    package init(_ file: SafeTensorsFile) throws {
        guard let countsEntry = file[Self.countsName], let sumsEntry = file[Self.sumsName],
            case .int64(let counts) = try file.read(countsEntry).values, counts.count == 4,
            case .float64(let sums) = try file.read(sumsEntry).values, sums.count == 4
        else {
            throw CheckpointError.otherTensors(
                path: file.path, summary: "missing \(Self.countsName) or \(Self.sumsName)")
        }
        (step, skippedTraceTerms, skippedNormTerms, statisticsUpdates) = (counts[0], counts[1], counts[2], counts[3])
        (epochLossSum, epochCorrect, epochSamples, epochSeconds) = (sums[0], sums[1], sums[2], sums[3])
    }

    package mutating func beginEpoch() {
        (epochLossSum, epochCorrect, epochSamples, epochSeconds) = (0, 0, 0, 0)
    }

    /// The same numbers on all ranks, for a broadcast.
    package var values: [Double] {
        get {
            [
                Double(step), Double(skippedTraceTerms), Double(skippedNormTerms), Double(statisticsUpdates),
                epochLossSum, epochCorrect, epochSamples, epochSeconds,
            ]
        }
        set {
            (step, skippedTraceTerms) = (Int(newValue[0]), Int(newValue[1]))
            (skippedNormTerms, statisticsUpdates) = (Int(newValue[2]), Int(newValue[3]))
            (epochLossSum, epochCorrect, epochSamples, epochSeconds) = (
                newValue[4], newValue[5], newValue[6], newValue[7]
            )
        }
    }
}
