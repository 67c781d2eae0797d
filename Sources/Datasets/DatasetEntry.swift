import Catalogs
import Vectors

package enum DatasetSplit: String, CaseIterable, Sendable {
    case train
    case test
}

/// Returns on every rank what `body` returns on one, or throws what it throws there, as one line of text.
package typealias SharedReading =
    (_ body: () throws(DatasetError) -> [UInt8]) throws(DatasetError) -> [UInt8]

/// What is to be read of a data set.
package struct DatasetRequest {
    package var split: DatasetSplit
    /// The folder that holds the published files, or in which the published archive was unpacked; nil for the default.
    package var directory: String?
    /// What to draw, for a data set without files.
    package var synthetic: SyntheticImages
    /// What this rank may take of it.
    package var memory: MemoryShare
    /// Of images that are decoded when they are needed.
    package var geometry = ImageGeometry()
    package var badSamples = BadSamplePolicy.error
    /// Names of the classes that a model was trained on, in the order of its logits, where they are known: labels are
    /// counted in them.
    package var trainedClasses: [String]?
    /// Takes a line for people, from any thread.
    package var note: @Sendable (String) -> Void = { _ in }
    /// Reads what only one rank need read, and gives it to all.
    package var shared: SharedReading = { body throws(DatasetError) in try body() }

    package init(
        _ split: DatasetSplit, directory: String? = nil, synthetic: SyntheticImages = SyntheticImages(),
        memory: MemoryShare = MemoryShare()
    ) {
        self.split = split
        self.directory = directory
        self.synthetic = synthetic
        self.memory = memory
    }
}

/// A row of the catalog of data sets: what is known before any file is read, and how the files are read.
package struct DatasetEntry: CatalogEntry {
    package let name: String
    package let aliases: [String]
    /// Where the files lie when no folder is given; nil where there is no such place, or no files.
    package let defaultDirectory: String?
    /// Published statistics of the training images.
    package let normalization: ChannelNormalization
    /// The published images; nil where any are.
    package let imageShape: ImageShape?
    /// Nil where any number is.
    package let classCount: Int?
    /// The usual light augmentation.
    package let basicAugmentation: CropAndFlip
    /// What to do when files are missing, as the end of a one-line message.
    let remedy: String
    /// Names of the published files, as they are called or spelled by some mirrors.
    let fileNames: [String]
    /// Other forms in which the data are published, and names that give them away.
    let otherForms: [(form: String, names: [String])]
    /// Whether the published files are each packed by themselves.
    let isPublishedPacked: Bool
    /// Where the images lie that are decoded each time they are needed; nil of a set that is held in memory.
    var folders: ImageFolders?
    private let read: Reader

    package typealias Reader =
        @Sendable (_ entry: DatasetEntry, _ request: DatasetRequest) throws(DatasetError) -> any Dataset

    package init(
        _ name: String, aliases: [String] = [], defaultDirectory: String? = nil, normalization: ChannelNormalization,
        imageShape: ImageShape?, classCount: Int?, basicAugmentation: CropAndFlip, remedy: String,
        fileNames: [String] = [], otherForms: [(form: String, names: [String])] = [], isPublishedPacked: Bool = false,
        read: @escaping Reader
    ) {
        self.name = name
        self.aliases = aliases
        self.defaultDirectory = defaultDirectory
        self.normalization = normalization
        self.imageShape = imageShape
        self.classCount = classCount
        self.basicAugmentation = basicAugmentation
        self.remedy = remedy
        self.fileNames = fileNames
        self.otherForms = otherForms
        self.isPublishedPacked = isPublishedPacked
        self.read = read
    }

    /// Whether a folder must be named: its files have published names, but no usual place.
    package var needsDirectory: Bool { (!fileNames.isEmpty || isDecoded) && defaultDirectory == nil }

    /// Whether its images are files of any size that are decoded each time they are needed.
    package var isDecoded: Bool { folders != nil }

    /// Reads one split.
    package func load(_ request: DatasetRequest) throws(DatasetError) -> any Dataset { try read(self, request) }

    /// The same of files.
    package func load(directory: String? = nil, split: DatasetSplit) throws(DatasetError) -> any Dataset {
        try load(DatasetRequest(split, directory: directory))
    }

    /// Whether a data set's file is called so, plain or packed.
    package static func areData(inFileNamed name: String) -> Bool {
        if ClassFolders.isImage(name) || [".tar", ".index"].contains(where: name.hasSuffix) { return true }
        let plain = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
        return datasetCatalog.entries.contains { $0.fileNames.contains(plain) }
    }
}

extension DatasetEntry: Equatable {
    package static func == (a: Self, b: Self) -> Bool { a.name == b.name }
}

/// The data sets that `--dataset` can name.
package let datasetCatalog = Catalog<DatasetEntry>(
    "data set",
    [
        .fashionMNIST, .mnist, .cifar10, .cifar100, .imageNet, .tinyImageNet, .imageNetV2, .imageNetC, .imageNetR,
        .imageNetA, .imageFolder, .synthetic,
    ])
