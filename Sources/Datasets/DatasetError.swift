import Files
import Vectors

/// What can be wrong with a data set, as one line each: what happened, where, what to do.
package enum DatasetError: Error, Equatable, Sendable {
    /// A data set without a default folder was asked for without one.
    case directoryNotGiven(dataset: DatasetEntry)
    case missingDirectory(path: String, dataset: DatasetEntry)
    /// Every missing file is named, so that one look at the message is enough.
    ///
    /// `found`: what the folder holds instead, where that is known.
    case missingFiles(directory: String, names: [String], found: String? = nil, dataset: DatasetEntry)
    /// A file was named in a folder's place.
    case notAFolder(path: String, file: MisplacedFile, dataset: DatasetEntry)
    case file(FileError)
    case otherFormat(path: String, FileFormat)
    case empty(path: String)
    case wrongMagic(path: String, expected: UInt32, found: UInt32)
    case truncated(path: String, expectedBytes: Int, foundBytes: Int)
    case trailingBytes(path: String, expectedBytes: Int)
    case corruptGzip(path: String, reason: String)
    /// Neither another member nor zeros follow a gzip member.
    case garbageAfterGzip(path: String)
    /// The header announces more than the file can hold or the machine's memory could.
    case tooLarge(path: String, dimensions: [Int])
    /// A file of fixed-size records whose size is no multiple of the record's.
    case brokenRecords(path: String, recordBytes: Int, foundBytes: Int)
    /// `sample` counts from 0 within the file.
    case labelOutOfRange(path: String, sample: Int, label: Int, classCount: Int)
    case countMismatch(imagesPath: String, images: Int, labelsPath: String, labels: Int)
    case impossibleSynthetic(reason: String)
    case noPrefetchThread(reason: String)
    case memory(source: String, shortage: MemoryShortage)
    /// What is wrong with a store of encoded images, in words.
    case stated(String)

    /// What a file is that was named in place of the folder.
    package enum MisplacedFile: Sendable {
        case ofDataset, archive, other
    }
}

extension DatasetError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .directoryNotGiven(let dataset):
            "data set \(dataset.name) needs --data DIR: \(dataset.remedy)"
        case .missingDirectory(let path, let dataset):
            "data folder \(path) does not exist: \(dataset.remedy)"
        case .missingFiles(let directory, let names, let found, let dataset):
            "data folder \(directory) lacks \(names.joined(separator: ", ")): "
                + (found.map { "it holds \($0); " } ?? "") + dataset.remedy
        case .notAFolder(let path, let file, let dataset):
            switch file {
            case .ofDataset: "--data \(path) is one of the data set's files: name its folder"
            case .archive:
                "--data \(path) is an archive, not a folder: unpack it first, and name the folder that comes out of it"
                    + (dataset.isPublishedPacked || path.contains("-binary")
                        ? "" : "; " + dataset.remedy)
            case .other: "--data \(path) is a file, not a folder: \(dataset.remedy)"
            }
        case .file(let error): error.description
        case .stated(let text): text
        case .otherFormat(let path, let format):
            "\(path) is \(format.text): \(format.remedy ?? Self.remedy(for: format))"
        case .empty(let path):
            "\(path) holds no samples: download it again"
        case .wrongMagic(let path, let expected, let found):
            "\(path) starts with magic number \(Self.hex(found)) instead of \(Self.hex(expected)), so it is not the "
                + "file that its "
                + "name says: download it again"
        case .truncated(let path, let expected, let found):
            "\(path) is cut short: \(found) bytes of content where \(expected) are due; download it again"
        case .trailingBytes(let path, let expected):
            "\(path) continues after the \(expected) bytes of content that are due: download it again"
        case .corruptGzip(let path, let reason):
            "\(path) is damaged gzip data (\(reason)): download it again"
        case .garbageAfterGzip(let path):
            "\(path) holds something else after the end of its gzip data: download it again, or cut that off"
        case .tooLarge(let path, let dimensions):
            "\(path) announces \(dimensions.map(String.init).joined(separator: " x ")) values, more than the file or "
                + "this machine's memory can hold: download it again"
        case .brokenRecords(let path, let record, let found):
            "\(path) has \(found) bytes, which is no multiple of its \(record)-byte records: it is cut short or of "
                + "another format; download the binary version again"
        case .labelOutOfRange(let path, let sample, let label, let classCount):
            "\(path): sample \(sample) has label \(label), outside 0..<\(classCount): it belongs to another data set "
                + "or is damaged; check --dataset, or download it again"
        case .countMismatch(let imagesPath, let images, let labelsPath, let labels):
            "\(imagesPath) has \(images) images but \(labelsPath) has \(labels) labels: take both files from the same "
                + "download"
        case .impossibleSynthetic(let reason):
            "synthetic data: \(reason)"
        case .memory(let source, let shortage):
            "\(source) \(shortage)"
        case .noPrefetchThread(let reason):
            "the thread that prepares batches cannot be started: \(reason); raise the limits on processes and memory "
                + "(ulimit -u and -v)"
        }
    }

    private static func remedy(for format: FileFormat) -> String {
        format == .pickle || format == .matlab
            ? "take the data set's binary version, not the one for Python or Matlab"
            : "download the data set's file itself"
    }

    private static func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}
