/// Appends to `metrics.jsonl` and `epochs.csv`. Rank 0 has one.
///
/// Steps gather in memory and reach the file about once a second, at every epoch's end and before every checkpoint, so that a
/// checkpoint never knows of a step that the log does not.
public final class MetricsLog {
    private let steps: OutputFile
    private let epochs: OutputFile
    private var pending = ""
    private var lastFlush = ContinuousClock.now

    /// - Parameter isNew: whether the table of epochs still needs its header.
    public init(stepsPath: String, epochsPath: String, isNew: Bool) throws(FileError) {
        steps = try OutputFile(stepsPath, .appending)
        epochs = try OutputFile(epochsPath, .appending)
        pending.reserveCapacity(1 << 16)
        if isNew { try epochs.write(EpochMetrics.header) }
    }

    public func append(_ metrics: StepMetrics) throws(FileError) {
        metrics.appendJSONLine(to: &pending)
        if ContinuousClock.now - lastFlush > .seconds(1) { try flush() }
    }

    public func append(_ metrics: EpochMetrics) throws(FileError) {
        try flush()
        try epochs.write(metrics.row)
    }

    public func flush() throws(FileError) {
        lastFlush = .now
        if pending.isEmpty { return }
        try steps.write(pending)
        pending.removeAll(keepingCapacity: true)
    }
}
