import ArgumentParser
import Collectives
import Datasets
import Files
import Training

struct Data: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Index, pack or check a data set of image files.",
        subcommands: [DataIndex.self, DataPack.self, DataCheck.self])
}

/// What the three commands take: a data set of files for each image, and where it lies.
struct DataSource: ParsableArguments {
    @Option(help: "Data set: imagenet, tiny-imagenet or image-folder.")
    var dataset = "image-folder"
    @Option(help: "Folder with the data set's images, index or shards.")
    var data: String
    @Option(help: "Split: train, test (val) or both.")
    var split = "both"

    func validate() throws {
        guard let entry = try? datasetCatalog.entry(dataset), entry.isDecoded else {
            let names = datasetCatalog.entries.filter(\.isDecoded).map(\.name)
            throw ValidationError("--dataset is '\(dataset)': it must be \(SettingText.choice(dataset, among: names))")
        }
        guard ["train", "test", "val", "both"].contains(split) else {
            throw ValidationError("--split is '\(split)': it must be one of train, test, both")
        }
    }

    func entry() throws -> DatasetEntry { try datasetCatalog.entry(dataset) }

    var splits: [DatasetSplit] {
        switch split {
        case "train": [.train]
        case "both": [.train, .test]
        default: [.test]
        }
    }

    var flags: [(name: String, value: String)] { [("dataset", dataset), ("data", data), ("split", split)] }
}

struct DataIndex: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index",
        abstract: "List a data set once, into train.index and val.index beside it.",
        discussion: """
            Without an index every start lists all folders, on one rank. With it no folder is listed, and what was \
            replaced since is noticed. Shards (train-000000.tar), other people's too, are indexed in the same way. \
            Checksums read every image; 'data check' compares them.

              crsam-dist data index --dataset imagenet --data DIR
            """)

    @OptionGroup var source: DataSource
    @Flag(inversion: .prefixedNo, help: "Read every image for its checksum.")
    var checksums = true

    func run() throws {
        let entry = try source.entry()
        Job.run("data index", flags: source.flags, RunConfiguration()) { world in
            guard world.rank == 0 else { return }
            for split in source.splits {
                var index = try entry.makeIndex(split, in: source.data)
                if checksums {
                    let progress = DataProgress("indexed", total: index.count)
                    index = try index.withChecksums(in: source.data) { progress.done($0) }
                    progress.end()
                }
                let path = "\(source.data)/\(entry.splitName(split)).index"
                try IndexFile.write(index, to: path)
                try Console.print("\(path): \(index.summary)")
            }
        }
    }
}

struct DataPack: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack",
        abstract: "Pack a data set into a few large tar files with an index.",
        discussion: """
            Uncompressed tar in WebDataset's conventions (CLASS/NAME.jpg, CLASS/NAME.cls), the same bytes each time. \
            Finished shards of an earlier try are kept. Train from them with --data OUTPUT.

              crsam-dist data pack --dataset imagenet --data DIR --output SHARDS
            """)

    @OptionGroup var source: DataSource
    @Option(help: "Folder for the shards.")
    var output: String
    @Option(help: "Size of a shard in MiB. (default: 1024)", transform: ArgumentForms.wholeNumber)
    var shardSize = 1024

    func validate() throws {
        guard (1...1 << 20).contains(shardSize) else { throw ValidationError("--shard-size must be from 1 to 1048576") }
    }

    func run() throws {
        let entry = try source.entry()
        Job.run("data pack", flags: source.flags + [("output", output)], RunConfiguration()) { world in
            guard world.rank == 0 else { return }
            let place = FileSystem.absolute(output)
            guard !place.hasPrefix(FileSystem.absolute(source.data) + "/") else {
                throw DatasetError.stated(
                    "--output \(output) is in the data set's folder, whose folders are its classes: name another")
            }
            _ = try FileSystem.makeDirectories(output)
            for split in source.splits {
                let store = try SampleStore(entry.index(split, in: source.data), in: source.data)
                let progress = DataProgress("packed", total: store.index.count)
                let index = try ShardWriter(
                    store, to: output, split: entry.splitName(split), byteCount: shardSize << 20
                ).run { progress.done($0) }
                progress.end()
                try Console.print("\(output): \(index.summary), in \(index.places.count) shards")
            }
        }
    }
}

struct DataCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Decode every image once and name those that are bad.",
        discussion: """
            All ranks share the work. The status is 1 if any image is bad.

              mpirun -np 8 crsam-dist data check --dataset imagenet --data DIR
            """)

    @OptionGroup var source: DataSource

    func run() throws {
        let entry = try source.entry()
        Job.run("data check", flags: source.flags, RunConfiguration()) { world in
            var bad = 0
            for split in source.splits { bad += try check(split, entry, world) }
            guard bad == 0 else {
                throw DatasetError.stated(
                    "\(bad) of the images are bad: copy them again, or remove them and make the index again")
            }
        }
    }

    /// - Returns: bad images on all ranks.
    private func check(_ split: DatasetSplit, _ entry: DatasetEntry, _ world: Communicator) throws -> Int {
        let bytes = try world.shared { () throws(DatasetError) in
            IndexFile.bytes(of: try entry.index(split, in: source.data))
        }
        let store = try SampleStore(IndexFile.index(bytes, from: source.data), in: source.data)
        var check = try StoreCheck(store)
        let share = EpochSampler.evaluationShard(count: store.index.count, rank: world.rank, ranks: world.size)
        let progress = DataProgress("checked", total: share.count, shown: world.rank == 0)
        for sample in share {
            if let reason = check.check(sample) {
                progress.end()
                try Console.print("bad: \(store.path(of: sample)): \(reason)")
            }
            progress.done(sample - share.lowerBound + 1)
        }
        progress.end()
        let kinds = ["grey", "CMYK", "PNG"]
        var sums = [Double(check.problems.count), Double(check.byteCount)]
        sums += kinds.map { Double(check.oddities[$0] ?? 0) }
        try sums.withUnsafeMutableBufferPointer { try world.allReduce($0, .sum) }
        if world.rank == 0 {
            let odd = zip(kinds, sums.dropFirst(2)).filter { $0.1 > 0 }.map { "\(Int($0.1)) \($0.0)" }
            try Console.print(
                "\(entry.splitName(split)): \(store.index.summary); \(Int(sums[0])) bad"
                    + (odd.isEmpty ? "" : "; sound but unusual: \(odd.joined(separator: ", "))"))
        }
        return Int(sums[0])
    }
}
