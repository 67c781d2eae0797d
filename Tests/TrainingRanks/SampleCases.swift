import Collectives
import Datasets
import Foundation
import RankCases
import TestSupport
import Training

/// Images in files, in the forms in which they may lie: `folders`, the same with an `index`, in `shards` with theirs,
/// and in `foreign` tars without.
private final class ImageFiles {
    static let forms = ["folders", "index", "shards", "foreign"]
    static let classes = 4
    static let imagesPerClass = 25
    static let count = classes * imagesPerClass
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let repository = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        let images = (repository + ["DatasetsTests", "Goldens", "images"]).joined(separator: "/")
        let pictures = try FileManager.default.contentsOfDirectory(atPath: images).sorted()
        for (split, count) in [("train", Self.imagesPerClass), ("val", 2)] {
            for number in 0..<Self.classes * count {
                let place = "folders/\(split)/n\(number / count)"
                if number % count == 0 { try folder.makeFolder(place) }
                try FileManager.default.copyItem(
                    atPath: "\(images)/\(pictures[number % pictures.count])",
                    toPath: folder.file("\(place)/\(1000 + number).JPEG"))
            }
        }
        try FileManager.default.copyItem(atPath: folder.file("folders"), toPath: folder.file("index"))
        for name in ["shards", "foreign"] { try folder.makeFolder(name) }
        for split in DatasetSplit.allCases {
            let entry = DatasetEntry.imageFolder
            let index = try entry.makeIndex(split, in: folder.file("index"))
            let name = split == .train ? "train" : "val"
            try IndexFile.write(index, to: folder.file("index/\(name).index"))
            let store = try SampleStore(index, in: folder.file("index"))
            // Small enough that there are several.
            let packed = try ShardWriter(store, to: folder.file("shards"), split: name, byteCount: 60_000).run()
            try IndexFile.write(packed, to: folder.file("shards/\(name).index"))
            for shard in packed.places {
                try FileManager.default.copyItem(
                    atPath: folder.file("shards/\(shard)"), toPath: folder.file("foreign/\(shard)"))
            }
        }
    }
}

/// What a run trained on: the samples of each step, those of the first rank first.
private typealias TrainedSamples = [Int: [Int]]

private struct Killed: Error {}

private let batchSize = 24
private let stepsPerEpoch = 5
private let epochs = 2

/// Trains on the images in `form` and notes the samples of every batch that a step took.
///
/// - Parameters:
///   - killedIn: the step in which the run is ended, before its gradients.
private func trained(
    _ form: String, in folder: String, order: [(name: String, text: String)], _ ranks: Communicator,
    output: String? = nil, resume: Bool = false, killedIn: Int? = nil
) throws -> TrainedSamples {
    var flags: [(name: String, text: String)] = output.map { [("output", $0)] } ?? []
    if !resume {
        flags += [
            ("dataset", "image-folder"), ("data", "\(folder)/\(form)"), ("model", "resnet8"), ("image-size", "32"),
            ("method", "sgd"), ("batch-size", "\(batchSize)"), ("epochs", "\(epochs)"),
        ]
        flags += order + (output == nil ? [] : [("checkpoint-every", "3"), ("m-sharpness", "24")])
    }
    var own: [(step: Int, samples: [Int])] = []
    let watch = StepCallbacks(before: { batch in
        if batch.step + 1 == killedIn { throw Killed() }
        for (sample, label) in zip(batch.sampleIndices, batch.labels) {
            try checkEqual(Int(label), sample / ImageFiles.imagesPerClass, "label of sample \(sample)")
        }
        own.append((batch.step + 1, batch.sampleIndices))
    })
    let configuration = try GivenSettings(flags: flags, resume: resume).configuration(ranks)
    do {
        let trainer = try Trainer(
            configuration, world: ranks, purpose: output == nil ? .benchmark : .training, observers: [watch])
        _ = try trainer.run()
    } catch is Killed {}
    // A run's files are written by then, and its folder is free.
    try ranks.barrier()
    var samples: TrainedSamples = [:]
    let text = own.map { "\($0.step):" + $0.samples.map(String.init).joined(separator: ",") }.joined(separator: " ")
    for rank in try ranks.allGather(text) {
        for step in rank.split(separator: " ") {
            let parts = step.split(separator: ":", omittingEmptySubsequences: false)
            samples[Int(parts[0]) ?? 0, default: []] += parts[1].split(separator: ",").compactMap { Int($0) }
        }
    }
    return samples
}

/// Steps 1 to the last, each epoch's of every sample once.
private func checkComplete(_ samples: TrainedSamples, _ what: String) throws {
    try checkEqual(samples.keys.sorted(), Array(1...stepsPerEpoch * epochs), "steps of \(what)")
    for epoch in 0..<epochs {
        let seen = (1...stepsPerEpoch).flatMap { samples[epoch * stepsPerEpoch + $0] ?? [] }
        try checkEqual(seen.sorted(), Array(0..<ImageFiles.count), "samples of epoch \(epoch + 1) of \(what)")
    }
    let epochs = (0..<epochs).map { epoch in (1...stepsPerEpoch).map { samples[epoch * stepsPerEpoch + $0] } }
    try check(epochs[0] != epochs[1], "\(what): two epochs have one order")
}

private let orders: [[(name: String, text: String)]] = [
    [("order", "keyed")], [("order", "windowed"), ("order-window", "64")],
]

let sampleCases = [
    RankCase(name: "every-sample-comes-once-an-epoch-in-the-same-batches-however-it-lies-on-disk") { world in
        let files = world.rank == 0 ? try ImageFiles() : nil
        defer { withExtendedLifetime(files) {} }
        let folder = try world.broadcast(files?.folder.path ?? "")
        let alone = try world.split(color: world.rank == 0 ? 0 : 1, key: world.rank)
        var batches: [TrainedSamples] = []
        for order in orders {
            // On one rank, which tells the others nothing: they compare with what it found.
            let single = world.rank == 0 ? try trained("folders", in: folder, order: order, alone) : [:]
            if world.rank == 0 { try checkComplete(single, "one rank") }
            for form in ImageFiles.forms {
                let samples = try trained(form, in: folder, order: order, world)
                try checkComplete(samples, "\(form), \(order)")
                if world.rank == 0 { try checkEqual(samples, single, "batches of \(form), \(order)") }
            }
            batches.append(single)
        }
        if world.rank == 0 { try check(batches[0] != batches[1], "both orders are one") }
    }
]
