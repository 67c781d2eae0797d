import Optimizers

/// How the learning rate changes over a run.
enum ScheduleSettings {
    static let all = Setting.grouped(
        .optimizer,
        [
            .entry(
                "schedule", \.schedule, in: scheduleCatalog, "Schedule of the learning rate", note: { $0.note }),
            .optionalNumber("warmup-epochs", \.warmupEpochs, .atLeast(0), "Epochs of linear warm-up")
                .unset(scheduleCatalog.entries.map { ($0.name, $0.warmupText) })
                .alsoCalled("wu"),
        ])
}

extension ScheduleEntry {
    /// The warm-up where none is given, in epochs of a run of so many.
    func warmupEpochs(_ runEpochs: Double) -> Double { warmupDivisor.map { runEpochs / Double($0) } ?? 0 }

    fileprivate var warmupText: String {
        switch warmupDivisor {
        case nil: "0"
        case 5: "a fifth of the run"
        case let divisor?: "1/\(divisor) of the run"
        }
    }
}
