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
            .number(
                "mixup", \.mixUp, .atLeast(0, to: 1000), "MixUp of training images: alpha of the beta distribution"),
            .number(
                "cutmix", \.cutMix, .atLeast(0, to: 1000),
                "CutMix of training images: alpha; with --mixup one of both is drawn for each group"),
            .number(
                "random-erasing", \.randomErasing, .atLeast(0, to: 1),
                "Probability that a rectangle of a training image is erased, to noise"
            ).alsoCalled("reprob"),
            .count(
                "repeated-augmentation", \.repeatedAugmentation,
                "Copies of each sample in an epoch, which then sees as many times fewer samples"
            ).alsoCalled("aug-repeats"),
            .optionalCount("image-size", \.imageSize, "Side of the images that the network sees")
                .unset("the model's").needs(ofDecodedImages).alsoCalled("img-size"),
            .number(
                "crop-ratio", \.cropRatio, .atLeast(0.1, to: 1),
                "Evaluation: side of the middle square to the shorter side of the image before, 224 to 256"
            ).needs(ofDecodedImages).alsoCalled("crop-pct"),
            .choice("interpolation", \.interpolation, "Filter that resizes images, as Pillow's").needs(ofDecodedImages),
            .choice(
                "bad-samples", \.badSamples, "Images that cannot be read or decoded",
                notes: [
                    .error: "end the run",
                    .skip: "the next of the class takes its place, for at most one in a thousand, or ten",
                ]
            ).needs(ofDecodedImages),
            .choice(
                "order", \.order, "Order of an epoch's samples",
                notes: [
                    .keyed: "any sample at any place",
                    .windowed: "shuffled within windows of nearby samples, for disks that read in sequence",
                ]),
            .count("order-window", \.orderWindow, "Samples in a window")
                .needs(
                    SettingNeed("--order windowed") { $0.order == .windowed ? nil : "--order \($0.order.rawValue)" }),
            dataThreads,
        ])

    private static let dataThreads = Setting(
        "data-threads", \.dataThreads, "Threads of a rank that read, decode and transform images",
        read: { "\($0)" },
        parse: { text throws(Setting.Expected) in
            guard let count: Int = SettingText.wholeNumber(text), (1...64).contains(count) else {
                throw Setting.Expected("a whole number from 1 to 64")
            }
            return count
        }
    ).scope(.rank).alsoCalled("workers")

    /// A data set whose images are decoded, of any size.
    private static let ofDecodedImages = SettingNeed(
        "--dataset \(Setting.list(datasetCatalog.entries.filter(\.isDecoded).map(\.name), "or"))"
    ) { $0.dataset.isDecoded ? nil : "--dataset \($0.dataset.name)" }
}
