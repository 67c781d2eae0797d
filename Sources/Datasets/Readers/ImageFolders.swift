import Files
import Vectors

/// Finds the images of a split in a data set's folder: by its index (`train.index`), in shards (`train-000000.tar`), or
/// in folders as the data set was published. One rank reads, and all get what it found.
struct ImageFolders: Sendable {
    /// What folders of training and of test images are called, the likeliest first.
    let trainNames: [String]
    let testNames: [String]
    /// Between the given folder and these, in the forms in which the data are published.
    let roots: [String]
    let order: ClassFolders.Order
    /// In place of a name: the classes' folders lie in the given folder itself.
    static let here = "."
    /// The class count of the published set; nil where any is.
    let classCount: Int?
    /// Whether its classes are some of those that a model was trained on, and count alone.
    let isPart: Bool

    func names(of split: DatasetSplit) -> [String] { split == .train ? trainNames : testNames }

    func dataset(_ entry: DatasetEntry, _ request: DatasetRequest) throws(DatasetError) -> any Dataset {
        guard let directory = request.directory else { throw .directoryNotGiven(dataset: entry) }
        let bytes = try request.shared { () throws(DatasetError) in
            let folder = try DataFolder(directory, of: entry)
            return try IndexFile.bytes(of: find(request.split, in: folder.path, entry))
        }
        try request.memory.check("the index of \(directory)", 3 * bytes.count)
        let index = try IndexFile.index(bytes, from: "\(directory)'s index")
        if let classCount, index.classes.count != classCount {
            throw .stated(
                "\(directory) has \(index.classes.count) classes of \(request.split.rawValue) images, \(entry.name) "
                    + "has \(classCount): name the whole data set, or use --dataset image-folder")
        }
        let (labelled, scored) = try labelled(index, as: request.trainedClasses, directory, entry)
        return EncodedImages(
            entry.name, try SampleStore(labelled, in: directory), geometry: request.geometry,
            normalization: entry.normalization, scoredClasses: scored, badSamples: request.badSamples,
            note: request.note)
    }

    /// The index with labels counted in the classes that a model was trained on, where they are known, and those of
    /// them that count, where not all do.
    private func labelled(
        _ index: SampleIndex, as trained: [String]?, _ directory: String, _ entry: DatasetEntry
    ) throws(DatasetError) -> (index: SampleIndex, scored: [Int]?) {
        guard let trained else {
            guard !isPart else {
                throw .stated(
                    "\(entry.name) has \(index.classes.count) of the classes that a model was trained on, and the "
                        + "checkpoint does not name them: add --classes FILE, a list of all (LOC_synset_mapping.txt), "
                        + "train.index or the folder of training images")
            }
            return (index, nil)
        }
        // Numbers are labels already.
        if index.hasNumberedClasses { return (index, nil) }
        let result = try index.relabelled(as: trained, in: directory)
        return (result, isPart ? Set(result.labels).map { Int($0) }.sorted() : nil)
    }

    /// The index of a split, from a file or made.
    func find(_ split: DatasetSplit, in folder: String, _ entry: DatasetEntry) throws(DatasetError) -> SampleIndex {
        for name in names(of: split) {
            let path = "\(folder)/\(name).index"
            if (try? FileKind(of: path)) == .regular { return try IndexFile.index(IndexFile.read(path), from: path) }
        }
        return try make(split, in: folder, entry)
    }

    /// Lists the folder.
    func make(
        _ split: DatasetSplit, in folder: String, _ entry: DatasetEntry
    ) throws(DatasetError) -> SampleIndex {
        let names = names(of: split)
        let shards = Self.shards(names, in: folder)
        if !shards.isEmpty { return try TarShards.index(shards, in: folder, classes: nil) }
        guard let path = Self.place(names, in: folder, roots) else {
            throw .missingFiles(directory: folder, names: ["\(names[0])/"], dataset: entry)
        }
        let full = path.isEmpty ? folder : "\(folder)/\(path)"
        let train = Self.place(trainNames, in: folder, roots).map { $0.isEmpty ? folder : "\(folder)/\($0)" }
        if ClassFolders.isThere(full), !Self.isFlat(full) {
            let index = try ClassFolders(full, order: order, inner: ["images"]).index(below: path)
            if split == .test, let train { try Self.compare(index.classes, full, with: Self.classes(train), train) }
            return index
        }
        guard let train else {
            throw .stated("\(full) has no folders for its classes, and \(folder) no training images to name them")
        }
        let inner = Self.isFlat(full) ? "/images" : ""
        let places = [folder] + roots.map { "\(folder)/\($0)" }
        return try FlatFolder("\(full)\(inner)", classes: Self.classes(train))
            .index(below: "\(path)\(inner)", labelsIn: [full] + places)
    }

    /// Tiny-ImageNet's `val/images`, beside the file of labels.
    private static func isFlat(_ folder: String) -> Bool {
        (try? Folder.names(in: folder))?.filter { !$0.hasPrefix(".") && !$0.hasSuffix(".txt") } == ["images"]
    }

    fileprivate static func classes(_ folder: String) throws(DatasetError) -> [String] {
        do throws(FileError) {
            var classes: [String] = []
            for name in try Folder.names(in: folder) where !name.hasPrefix(".") {
                if try FileKind(of: "\(folder)/\(name)") == .directory { classes.append(name) }
            }
            return classes.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        } catch { throw .file(error) }
    }

    private static func compare(
        _ test: [String], _ testFolder: String, with train: [String], _ trainFolder: String
    ) throws(DatasetError) {
        // Numbers that were sorted as such are the same set.
        func bytes(_ names: [String]) -> Set<[UInt8]> { Set(names.map { Array($0.utf8) }) }
        guard bytes(test) != bytes(train) else { return }
        let lacking = train.first { !test.contains($0) }
        let extra = test.first { !train.contains($0) }
        throw .stated(
            "\(testFolder) and \(trainFolder) have different classes: "
                + (extra.map { "\($0) is in the first alone" } ?? "")
                + (extra != nil && lacking != nil ? ", " : "") + (lacking.map { "\($0) in the second alone" } ?? "")
                + "; labels would not mean the same")
    }

    /// A folder of one of these names, below one of the roots.
    fileprivate static func place(_ names: [String], in folder: String, _ roots: [String]) -> String? {
        if names == [here] { return ClassFolders.isThere(folder) ? "" : nil }
        for root in [""] + roots {
            for name in names {
                let path = root.isEmpty ? name : "\(root)/\(name)"
                if (try? FileKind(of: "\(folder)/\(path)")) == .directory { return path }
            }
        }
        return nil
    }

    /// `train-000000.tar` and so on, in order.
    static func shards(_ names: [String], in folder: String) -> [String] {
        let files = (try? Folder.names(in: folder)) ?? []
        return files.filter { file in
            file.hasSuffix(".tar") && names.contains { file.hasPrefix("\($0)-") || file.hasPrefix("\($0)_") }
        }
    }
}

extension DatasetEntry {
    /// Of the training images of ImageNet, as torchvision gives them.
    private static let imageNetNormalization = ChannelNormalization(
        mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])

    package static let imageNet = folders(
        "imagenet", aliases: ["imagenet-1k", "ilsvrc2012"], classes: 1000,
        remedy:
            "it must hold train and val, each with a folder for each of the 1000 classes (val may be flat with a file "
            + "of labels), or their index or shards (crsam-dist data pack)")
    package static let tinyImageNet = folders(
        "tiny-imagenet", aliases: ["tiny-imagenet-200"], classes: 200,
        remedy: "unpack tiny-imagenet-200.zip and name the folder that comes out of it")
    /// Test images alone, in folders "0" to "999", which are the classes' numbers.
    package static let imageNetV2 = folders(
        "imagenet-v2", aliases: ["imagenetv2"], classes: 1000, testNames: [ImageFolders.here], order: .numbers,
        remedy: "name the folder that holds the folders 0 to 999, to evaluate on")
    /// Test images alone: one corruption in one severity, or for `evaluate` the folder of all.
    package static let imageNetC = folders(
        "imagenet-c", aliases: ["imagenetc"], classes: nil, testNames: [ImageFolders.here],
        remedy: "name the folder of the corruptions (CORRUPTION/1 to 5/WNID/*.JPEG), to evaluate on")
    /// Test images alone, renditions of 200 of ImageNet's classes, or photographs of 200 others that mislead networks.
    package static let imageNetR = folders(
        "imagenet-r", aliases: ["imagenetr"], classes: nil, folderCount: 200, testNames: [ImageFolders.here],
        isPart: true, remedy: "name the folder that holds 200 folders of images, to evaluate on")
    package static let imageNetA = folders(
        "imagenet-a", aliases: ["imageneta"], classes: nil, folderCount: 200, testNames: [ImageFolders.here],
        isPart: true, remedy: "name the folder that holds 200 folders of images, to evaluate on")
    package static let imageFolder = folders(
        "image-folder", aliases: ["imagefolder"], classes: nil,
        remedy: "it must hold train and val (or test), each with a folder of .jpg, .jpeg or .png files for each class")

    private static func folders(
        _ name: String, aliases: [String], classes: Int?, folderCount: Int? = nil,
        testNames: [String] = ["val", "validation", "test"], order: ClassFolders.Order = .names, isPart: Bool = false,
        remedy: String
    ) -> DatasetEntry {
        let images = ImageFolders(
            trainNames: ["train"], testNames: testNames,
            roots: ["ILSVRC/Data/CLS-LOC", "Data/CLS-LOC", "CLS-LOC", "imagenet", "tiny-imagenet-200"], order: order,
            classCount: folderCount ?? classes, isPart: isPart)
        var entry = DatasetEntry(
            name, aliases: aliases, normalization: imageNetNormalization, imageShape: nil, classCount: classes,
            basicAugmentation: CropAndFlip.none, remedy: remedy
        ) { entry, request throws(DatasetError) in try images.dataset(entry, request) }
        entry.folders = images
        return entry
    }

    /// Whether its classes are some of those that a model was trained on, whose logits alone count.
    package var isPartOfClasses: Bool { folders?.isPart ?? false }

    /// The classes of the training images in a folder of a data set, or of the folder itself.
    static func trainedClasses(in folder: String) throws(DatasetError) -> [String] {
        guard let folders = imageNet.folders else { return [] }
        let path = ImageFolders.place(folders.trainNames, in: folder, folders.roots).map { "\(folder)/\($0)" }
        let names = try ImageFolders.classes(path ?? folder)
        guard !names.isEmpty else {
            throw .stated("\(folder) holds no folders named after classes: name the folder of training images")
        }
        return names
    }

    /// The index of a split as `crsam-dist data index` writes it: made anew, whatever lies beside the data.
    package func makeIndex(_ split: DatasetSplit, in folder: String) throws(DatasetError) -> SampleIndex {
        guard let folders else { throw .stated("\(name) is no data set of files for each image: it has no index") }
        return try folders.make(split, in: DataFolder(folder, of: self).path, self)
    }

    /// The index of a split, read where it is there.
    package func index(_ split: DatasetSplit, in folder: String) throws(DatasetError) -> SampleIndex {
        guard let folders else { throw .stated("\(name) is no data set of files for each image: it has no index") }
        return try folders.find(split, in: DataFolder(folder, of: self).path, self)
    }

    /// What the split is called in the names of its index and shards.
    package func splitName(_ split: DatasetSplit) -> String { folders?.names(of: split).first ?? split.rawValue }
}
