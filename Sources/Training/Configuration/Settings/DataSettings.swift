/// What is learned from.
enum DataSettings {
    static let all = Setting.grouped(
        .data,
        [
            .choice("dataset", \.dataset, "Data set", alternatives: ["fmnist": "fashion-mnist"]),
            .path("data", \.dataDirectory, "Folder with the data set's published files")
                .unset("Debian's for fashion-mnist").scope(.rank)
                .needs(SettingNeed("another --dataset") { $0.dataset == .synthetic ? "--dataset synthetic" : nil }),
            .choice(
                "augment", \.augment, "Augmentation of the training images",
                notes: [.basic: "random crop and horizontal flip, as suits the data set"]),
        ])
}
