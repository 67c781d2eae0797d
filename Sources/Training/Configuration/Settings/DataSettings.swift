import Datasets

/// What is learned from.
enum DataSettings {
    static let all = Setting.grouped(
        .data,
        [
            .entry("dataset", \.dataset, in: datasetCatalog, "Data set"),
            .path("data", \.dataDirectory, "Folder with the data set's published files")
                .unset("Debian's for fashion-mnist").scope(.rank)
                .needs(SettingNeed("another --dataset") { $0.dataset == .synthetic ? "--dataset synthetic" : nil }),
            .entry(
                "augment", \.augment, in: transformCatalog, "Augmentation of the training images",
                note: { $0.summary }),
        ])
}
