/// How much is computed, and how it is divided.
enum SizeSettings {
    static let all = Setting.grouped(
        .size,
        [
            .count("batch-size", \.batchSize, "Samples of one update, over all ranks").alsoCalled("bs", "batch"),
            .optionalCount(
                "micro-batch-size", \.microBatchSize, "At most so many samples of a rank a forward pass, to save memory"
            ).unset("no limit"),
            .count("epochs", \.epochs, "Passes over the training set"),
            .optionalCount("steps", \.steps, "Updates after which the run ends").unset("--epochs whole epochs"),
            Setting(
                "seed", \.seed, "Random seed", read: { "\($0)" },
                parse: { text throws(Setting.Expected) in
                    guard let value: UInt64 = SettingText.wholeNumber(text) else {
                        throw Setting.Expected("a whole number from 0 to \(UInt64.max)")
                    }
                    return value
                }),
            .count(
                "threads", \.threads,
                "Threads of each rank. More than one needs mpirun --bind-to none or --map-by slot:PE=N, which give a "
                    + "rank more than one core"
            ).scope(.rank),
            .number(
                "bucket-size", \.bucketSize, .atLeast(0),
                "Gradient bucket size in MiB for overlapping the all-reduce with the last backward pass; 0 disables "
                    + "overlap"),
        ])
}
