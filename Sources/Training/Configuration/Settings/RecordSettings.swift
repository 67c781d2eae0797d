/// What a run leaves, and how often.
enum RecordSettings {
    static let all = Setting.grouped(
        .records,
        [
            .count(
                "evaluate-every", \.evaluateEvery, "Epochs between evaluations; the last is always evaluated"
            ).scope(.job),
            .optionalCount("checkpoint-every", \.checkpointEvery, "Steps between checkpoints")
                .unset("one at every epoch's end").scope(.job),
            .path("output", \.output, "Output folder")
                .unset("runs/DATASET-MODEL-METHOD-NNN").scope(.job).alsoCalled("dir", "out"),
        ])
}
