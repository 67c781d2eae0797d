import Collectives
import TensorFiles

/// How far a run has come, and the sums of the epoch in progress.
package final class RunProgress: Checkpointed {
    /// Updates of the weights so far.
    package internal(set) var step = 0
    package internal(set) var skippedTraceTerms = 0
    package internal(set) var skippedNormTerms = 0
    /// Updates of BatchNorm's running statistics on rank 0 so far.
    package internal(set) var statisticsUpdates = 0
    package internal(set) var epochLossSum = 0.0
    package internal(set) var epochCorrect = 0.0
    package internal(set) var epochSamples = 0.0
    package internal(set) var epochSeconds = 0.0

    private static let countsName = "run.counts"
    private static let sumsName = "run.epoch_sums"

    package var partName: String { "run" }

    package var tensors: [NamedTensor] {
        [
            NamedTensor(
                Self.countsName, shape: [4], .int64([step, skippedTraceTerms, skippedNormTerms, statisticsUpdates])),
            NamedTensor(
                Self.sumsName, shape: [4], .float64([epochLossSum, epochCorrect, epochSamples, epochSeconds])),
        ]
    }

    package init() {}

    /// Of a checkpoint.
    package convenience init(_ file: SafeTensorsFile) throws {
        self.init()
        try restore(from: file)
    }

    package func restore(from file: SafeTensorsFile) throws {
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

    func beginEpoch() {
        (epochLossSum, epochCorrect, epochSamples, epochSeconds) = (0, 0, 0, 0)
    }

    package func broadcast(_ world: Communicator) throws {
        var values = [
            Double(step), Double(skippedTraceTerms), Double(skippedNormTerms), Double(statisticsUpdates),
            epochLossSum, epochCorrect, epochSamples, epochSeconds,
        ]
        try values.withUnsafeMutableBufferPointer { try world.broadcast($0) }
        (step, skippedTraceTerms) = (Int(values[0]), Int(values[1]))
        (skippedNormTerms, statisticsUpdates) = (Int(values[2]), Int(values[3]))
        (epochLossSum, epochCorrect, epochSamples, epochSeconds) = (values[4], values[5], values[6], values[7])
    }
}
