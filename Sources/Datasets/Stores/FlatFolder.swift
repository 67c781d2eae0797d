import Files

/// Makes an index of images in one folder, whose labels a file beside them gives: ImageNet's `val` as it is published.
///
/// Label files, in the folder itself, the one above or the data set's: Kaggle's `LOC_val_solution.csv`, Tiny-ImageNet's
/// `val_annotations.txt`, or `val.txt`, `val_labels.txt` or `labels.txt` with a name and a label a line. A label is a
/// class's name, or its number counted from 0 in the sorted names (as Caffe's `val.txt` has it). Without such a
/// file the devkit's are read (``ImageNetDevkit``).
package struct FlatFolder {
    private let folder: String
    private let classes: [String]

    private static let names = [
        "LOC_val_solution.csv", "val_annotations.txt", "val.txt", "val_labels.txt", "labels.txt",
    ]
    private static let mostTextBytes = 1 << 28

    /// - Parameter classes: of the training set.
    package init(_ folder: String, classes: [String]) { (self.folder, self.classes) = (folder, classes) }

    /// - Parameter roots: where label files may be, besides the folder.
    package func index(below prefix: String, labelsIn roots: [String]) throws(DatasetError) -> SampleIndex {
        let places = [folder, FileSystem.directory(of: folder)] + roots
        let candidates = places.flatMap { place in Self.names.map { "\(place)/\($0)" } }
        guard let path = candidates.first(where: { (try? FileKind(of: $0)) == .regular }) else {
            if let devkit = ImageNetDevkit.find(in: places) { return try index(below: prefix, devkit: devkit) }
            throw .stated(
                "\(folder) holds images without folders for their classes, and no file says their labels: put "
                    + "LOC_val_solution.csv (Kaggle's), ILSVRC2012_devkit_t12 or val.txt with a line 'NAME LABEL' "
                    + "for each beside it, or sort the images into folders; without labels accuracy would be 0.1 %")
        }
        let labels = try labels(path)
        return try index(below: prefix, try images()) { (_, name: String) throws(DatasetError) in
            guard let label = labels[Self.stem(name)] else {
                throw .stated("\(path) has no label for \(name), which is in \(folder): take both from one source")
            }
            return label
        }
    }

    /// The ground truth has no names: it has as many lines as there are images.
    private func index(below prefix: String, devkit: String) throws(DatasetError) -> SampleIndex {
        let labels = try ImageNetDevkit.labels(in: devkit, classes: classes)
        let files = try images()
        guard files.count == labels.count else {
            throw .stated(
                "\(folder) holds \(files.count) images, \(devkit)/\(ImageNetDevkit.truth) labels \(labels.count): "
                    + "they go by their order, so all are needed")
        }
        return try index(below: prefix, files) { (number, _) throws(DatasetError) in labels[number] }
    }

    private func images() throws(DatasetError) -> [String] {
        let names: [String]
        do throws(FileError) { names = try Folder.names(in: folder) } catch { throw .file(error) }
        let files = names.filter(ClassFolders.isImage).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        guard !files.isEmpty else { throw .stated("\(folder) holds no images (.jpg, .jpeg, .png)") }
        return files
    }

    private func index(
        below prefix: String, _ files: [String], label: (Int, String) throws(DatasetError) -> Int
    ) throws(DatasetError) -> SampleIndex {
        var index = SampleIndex(classes: classes, isSharded: false)
        let place = try index.addPlace(prefix)
        for (number, name) in files.enumerated() {
            try index.append(
                place: place, name: name, label: try label(number, name),
                byteCount: try ClassFolders.byteCount("\(folder)/\(name)"))
        }
        return index
    }

    private static func stem(_ name: some StringProtocol) -> String {
        name.lastIndex(of: ".").map { String(name[..<$0]) } ?? String(name)
    }

    private func labels(_ path: String) throws(DatasetError) -> [String: Int] {
        var text: String
        do throws(FileError) { text = try InputFile.text(path, limit: Self.mostTextBytes) } catch { throw .file(error) }
        // Windows' editors begin with a byte order mark.
        if text.hasPrefix("\u{FEFF}") { text.removeFirst() }
        var numbers: [String: Int] = [:]
        for (number, name) in classes.enumerated() { numbers[name] = number }
        let isTable = path.hasSuffix(".csv")
        var labels: [String: Int] = [:]
        for (line, content) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            // Kaggle's second column is the class and a box, for each box.
            let fields = content.split { isTable ? $0 == "," || $0 == " " : $0 == " " || $0 == "\t" }
            if fields.isEmpty || isTable && line == 0 && fields[0] == "ImageId" { continue }
            guard fields.count > 1, let label = label(fields[1], numbers) else {
                throw .stated(
                    "\(path):\(line + 1): '\(content.prefix(60))' does not say a name and one of the \(classes.count) "
                        + "classes or their numbers")
            }
            let name = Self.stem(fields[0].split(separator: "/").last ?? fields[0])
            if let other = labels[name], other != label {
                throw .stated("\(path):\(line + 1): \(name) has two labels, \(other) and \(label)")
            }
            labels[name] = label
        }
        return labels
    }

    private func label(_ text: Substring, _ numbers: [String: Int]) -> Int? {
        if let label = numbers[String(text)] { return label }
        guard let number = Int(text), classes.indices.contains(number) else { return nil }
        return number
    }
}
