/// How the learning rate changes over a run.
enum ScheduleSettings {
    static let all = Setting.grouped(
        .optimizer,
        [
            .choice(
                "schedule", \.schedule, "Schedule of the learning rate",
                notes: [.step: "a tenth at half and at three quarters"]),
            .optionalNumber("warmup-epochs", \.warmupEpochs, .atLeast(0), "Epochs of linear warm-up")
                .unset(RunConfiguration.ScheduleName.allCases.map { ($0.rawValue, $0.warmupText) })
                .alsoCalled("wu"),
        ])
}

extension RunConfiguration.ScheduleName {
    /// The warm-up where none is given, in epochs of a run of so many.
    func warmupEpochs(runEpochs: Double) -> Double { self == .constant ? 0 : runEpochs / 5 }

    fileprivate var warmupText: String { self == .constant ? "0" : "a fifth of the run" }
}
