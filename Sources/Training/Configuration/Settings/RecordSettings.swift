/// What a run leaves, and how often.
enum RecordSettings {
    static let all = Setting.grouped(
        .records,
        [
            .count(
                "evaluate-every", \.evaluateEvery, "Epochs between evaluations; the last is always evaluated"
            ).scope(.job),
            evaluationSets,
            .optionalCount("checkpoint-every", \.checkpointEvery, "Steps between checkpoints")
                .unset("one at every epoch's end").scope(.job),
            .path("output", \.output, "Output folder")
                .unset("runs/DATASET-MODEL-METHOD-NNN").scope(.job).alsoCalled("dir", "out"),
        ])
    /// Ranks and a resumed run may have the folders elsewhere.
    private static let evaluationSets = Setting(
        "evaluate-on", \.evaluationSets,
        "NAME=DIR of further test images to evaluate on, read as those of the data set NAME, or of --dataset where "
            + "there is none; may be repeated",
        read: { $0.isEmpty ? nil : $0.map(\.text).joined(separator: ", ") },
        parse: { text throws(Setting.Expected) in try EvaluationSet.list(text) }
    ).scope(.start).list().identified { $0.evaluationSets.map(\.name).joined(separator: ", ") }.unset("none")
}
