import Files

/// The folder that `--data` names, and what lies in it under the names of a data set's files.
struct DataFolder {
    let path: String
    private let dataset: DatasetEntry

    /// - Parameter given: nil for the data set's default.
    init(_ given: String?, of dataset: DatasetEntry) throws(DatasetError) {
        guard let path = given ?? dataset.defaultDirectory else { throw .directoryNotGiven(dataset: dataset) }
        switch try Self.kind(path) {
        case nil: throw .missingDirectory(path: path, dataset: dataset)
        case .directory: break
        case .regular: throw .notAFolder(path: path, file: Self.role(path, in: dataset), dataset: dataset)
        case .some(let other): throw .file(.kind(other, of: path, expected: "a folder"))
        }
        self.path = path
        self.dataset = dataset
    }

    /// The first of `places`, folders in this one, that holds any of the files; without one, the first that is there.
    ///
    /// - Parameters:
    ///   - places: `""` for this folder itself.
    ///   - files: for each file the names that it may have, the likeliest first.
    /// - Returns: the paths, one for each of `files`.
    func find(_ files: [[String]], in places: [String]) throws(DatasetError) -> [String] {
        var missing: (directory: String, names: [String])?
        for place in places {
            let directory = place.isEmpty ? path : "\(path)/\(place)"
            if !place.isEmpty, try Self.kind(directory) != .directory { continue }
            var present: [String] = []
            var absent: [String] = []
            for names in files {
                if let path = try Self.first(of: names, in: directory) {
                    present.append(path)
                } else {
                    absent.append(names[0] + (dataset.isPublishedPacked ? "[.gz]" : ""))
                }
            }
            if absent.isEmpty { return present }
            if missing == nil || !present.isEmpty && absent.count < missing?.names.count ?? 0 {
                missing = (directory, absent)
            }
        }
        throw .missingFiles(
            directory: missing?.directory ?? path, names: missing?.names ?? [],
            found: otherForm(in: missing?.directory ?? path, of: files), dataset: dataset)
    }

    private static func first(of names: [String], in directory: String) throws(DatasetError) -> String? {
        var folder: String?
        for name in names {
            let path = "\(directory)/\(name)"
            switch try kind(path) {
            case nil: continue
            case .directory:
                // Some archives unpack to a folder of the file's own name.
                for inner in names where try kind("\(path)/\(inner)") == .regular { return "\(path)/\(inner)" }
                folder = folder ?? path
            default: return path
            }
        }
        if let folder { throw .file(.kind(.directory, of: folder)) }
        return nil
    }

    private static func kind(_ path: String) throws(DatasetError) -> FileKind? {
        do throws(FileError) { return try FileKind(of: path) } catch { throw .file(error) }
    }

    /// What a file is that was named in a folder's place.
    private static func role(_ path: String, in dataset: DatasetEntry) -> DatasetError.MisplacedFile {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let plain = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
        if dataset.fileNames.contains(plain) { return .ofDataset }
        let archives = [".gz", ".tgz", ".tar", ".zip", ".bz2", ".xz", ".zst", ".7z"]
        if archives.contains(where: name.lowercased().hasSuffix) { return .archive }
        // One that cannot be read is no folder either.
        return (try? StreamedFile.isPacked(path)) == true ? .archive : .other
    }

    /// Another form of the data set in `directory`, or here, in a few words; nil where none is known or none can be
    /// seen.
    ///
    /// - Parameter files: for each file that is wanted its names.
    private func otherForm(in directory: String, of files: [[String]]) -> String? {
        let names = [directory, path].flatMap { (try? Folder.names(in: $0)) ?? [] }
        for (form, signs) in dataset.otherForms {
            if let name = names.first(where: { name in signs.contains { name == $0 } }) { return "\(form) (\(name))" }
        }
        let archives = [".tar.gz", ".tgz", ".tar", ".zip", ".xz", ".bz2", ".zst", ".Z", ".7z", ".rar"]
        if let name = names.first(where: { name in archives.contains(where: name.hasSuffix) }) {
            return "\(name), which is not unpacked"
        }
        // In capitals, or as a browser or a copy that was broken off has called it.
        for wanted in files where !wanted.contains(where: names.contains) {
            if let name = names.first(where: { $0.lowercased().hasPrefix(wanted[0]) }) {
                return "\(name), which is not called \(wanted[0])"
            }
        }
        let data = [".npz", ".npy", ".csv", ".parquet", ".pkl", ".pt", ".mat", ".h5", ".tfrecord"]
        return names.first { name in data.contains(where: name.hasSuffix) }.map { "\($0), another form of data" }
    }
}
