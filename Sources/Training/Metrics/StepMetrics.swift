import Files

/// What one step measured: a line of `metrics.jsonl`. What each figure is stands in ``stepMetricCatalog``.
package struct StepMetrics: Sendable, Equatable {
    /// Counts from 1: updates of the weights so far, this one included.
    package let step: Int
    /// Counts from 1.
    package let epoch: Int
    /// The rows that ``values`` belong to.
    private let rows: [StepMetric]
    /// In the rows' order; nil where the method does not measure it.
    private let values: [Double?]

    /// - Parameter values: as many as there are rows, in their order.
    init(step: Int, epoch: Int, rows: [StepMetric], values: [Double?]) {
        precondition(rows.count == values.count)
        self.step = step
        self.epoch = epoch
        self.rows = rows
        self.values = values
    }

    /// - Parameter values: by the metrics' names; those that are missing were not measured.
    package init(step: Int, epoch: Int, _ values: [String: Double]) {
        let rows = stepMetricCatalog.entries
        self.init(step: step, epoch: epoch, rows: rows, values: rows.map { values[$0.name] })
    }

    /// A metric by its name; nil where it was not measured.
    package subscript(name: String) -> Double? {
        rows.firstIndex { $0.name == name }.flatMap { values[$0] }
    }

    package var loss: Double { self["loss"] ?? .nan }
    package var stepSeconds: Double { self["step_seconds"] ?? .nan }

    /// For the progress line, the most wanted first.
    package var progressTexts: [String] {
        zip(rows, values).compactMap { row, value in
            row.progress.flatMap { progress in value.map { (progress.place, progress.text($0)) } }
        }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// Appends the line, with its line break. Allocates nothing while the string has room.
    func appendJSONLine(to text: inout String) {
        text += "{\"step\":\(step),\"epoch\":\(epoch)"
        for (row, value) in zip(rows, values) {
            text += ",\""
            text += row.name
            text += "\":"
            if row.unit == .count, let value, let count = Int(exactly: value) {
                text += "\(count)"
            } else {
                text.appendJSON(value)
            }
        }
        text += "}\n"
    }

    package static func == (a: Self, b: Self) -> Bool {
        a.step == b.step && a.epoch == b.epoch && a.rows.map(\.name) == b.rows.map(\.name) && a.values == b.values
    }
}
