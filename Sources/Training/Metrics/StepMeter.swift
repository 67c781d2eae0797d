/// Measures the metrics of a run's steps: the rows as they were at its start, and memory for their values.
struct StepMeter {
    private let rows: [StepMetric]
    /// Where each row's sum stands in ``sums``; nil for rows that are not reduced.
    private let places: [Int?]
    /// Before the reduction this rank's shares, then the sums over all ranks.
    var sums: [Double]
    private var values: [Double?]

    init(_ rows: [StepMetric] = stepMetricCatalog.entries) {
        self.rows = rows
        var count = 0
        places = rows.map { row in
            guard case .sum = row.combination else { return nil }
            defer { count += 1 }
            return count
        }
        sums = Array(repeating: 0, count: count)
        values = Array(repeating: nil, count: rows.count)
    }

    /// Before the reduction.
    mutating func measure(_ share: StepShare) {
        for (row, place) in zip(rows, places) {
            if let place, case .sum(let value) = row.combination { sums[place] = value(share) }
        }
    }

    /// After the update. The same on all ranks, except for what is rank 0's own.
    mutating func metrics(_ outcome: StepOutcome, epoch: Int) -> StepMetrics {
        for (index, row) in rows.enumerated() {
            values[index] =
                switch row.combination {
                case .replicated(let value), .rankZero(let value): value(outcome)
                case .sum: places[index].map { sums[$0] }
                }
        }
        return StepMetrics(step: outcome.progress.step, epoch: epoch, rows: rows, values: values)
    }
}
