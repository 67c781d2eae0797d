import Files

/// Appends to `metrics.jsonl` and `epochs.csv`. Rank 0 has one.
///
/// Steps gather in memory and reach the file about once a second, at every epoch's end and before every checkpoint, so
/// that a checkpoint never knows of a step that the log does not.
package final class MetricsLog {
    private let steps: RecordLog
    private let epochs: RecordLog
    private let further: [String]
    private var pending = ""
    private var lastFlush = ContinuousClock.now

    /// - Parameter further: names of what is evaluated beside the weights on the test images.
    package init(stepsPath: String, epochsPath: String, further: [String] = []) throws(FileError) {
        self.further = further
        steps = try RecordLog(stepsPath, .steps)
        epochs = try RecordLog(epochsPath, .epochs(further: further))
        pending.reserveCapacity(1 << 16)
    }

    package func append(_ metrics: StepMetrics) throws(FileError) {
        metrics.appendJSONLine(to: &pending)
        if ContinuousClock.now - lastFlush > .seconds(1) { try flush() }
    }

    package func append(_ metrics: EpochMetrics) throws(FileError) {
        try followNames()
        try flush()
        try epochs.write(metrics.row(further))
    }

    package func flush() throws(FileError) {
        lastFlush = .now
        if pending.isEmpty { return }
        try steps.write(pending)
        pending.removeAll(keepingCapacity: true)
    }

    /// Puts all records on the disk, into the files that have the names now.
    package func secure() throws(FileError) {
        try followNames()
        try flush()
        try steps.synchronize()
        try epochs.synchronize()
    }

    private func followNames() throws(FileError) {
        try steps.followName()
        try epochs.followName()
    }
}
