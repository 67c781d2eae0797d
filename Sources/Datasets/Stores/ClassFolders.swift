import Files
import Glibc

/// Makes an index of images in folders, one for each class: `train/n01440764/n01440764_10026.JPEG`.
///
/// As torchvision's `ImageFolder`: classes are the folders in order of their names' bytes, files are taken in that
/// order too, whatever their suffix's case (.jpg, .jpeg, .png). Names that begin with a dot, which copies and notebooks
/// leave, are skipped, where ImageFolder would take such a folder for a class. A class without images is an error.
package struct ClassFolders {
    /// That classes are sorted by: their names, or as numbers.
    package enum Order { case names, numbers }

    private let folder: String
    private let order: Order
    /// Between a class's folder and its images, as in Tiny-ImageNet's `train/n01443537/images/`.
    private let inner: [String]

    package init(_ folder: String, order: Order = .names, inner: [String] = []) {
        (self.folder, self.order, self.inner) = (folder, order, inner)
    }

    /// Whether a folder holds folders of images rather than images.
    package static func isThere(_ folder: String) -> Bool {
        guard let names = try? Folder.names(in: folder) else { return false }
        return names.contains { !$0.hasPrefix(".") && (try? FileKind(of: "\(folder)/\($0)")) == .directory }
    }

    package static func isImage(_ name: String) -> Bool {
        guard !name.hasPrefix("."), let dot = name.lastIndex(of: ".") else { return false }
        return ["jpg", "jpeg", "png"].contains(name[name.index(after: dot)...].lowercased())
    }

    /// - Parameter below: a path from the data set's folder to this one, for the index.
    package func index(below prefix: String) throws(DatasetError) -> SampleIndex {
        var classes: [String] = []
        for name in try list(folder) where !name.hasPrefix(".") {
            if try kind("\(folder)/\(name)") == .directory { classes.append(name) }
        }
        guard !classes.isEmpty else {
            throw .stated("\(folder) holds no folders of images: name one with a folder for each class")
        }
        guard classes.count <= SampleIndex.mostClasses else {
            throw .stated("\(folder) has \(classes.count) folders, more than the \(SampleIndex.mostClasses) classes")
        }
        if order == .numbers {
            let numbers = classes.compactMap { Int($0) }.sorted()
            guard numbers == Array(0..<classes.count) else {
                throw .stated("\(folder)'s folders are not called 0 to \(classes.count - 1): name the published folder")
            }
            classes = numbers.map(String.init)
        }
        var index = SampleIndex(classes: classes, isSharded: false)
        for (label, name) in classes.enumerated() {
            try append(to: &index, label: label, path: try images(in: name), prefix: prefix)
        }
        return index
    }

    /// The class's folder, or that in it where its images are.
    private func images(in name: String) throws(DatasetError) -> String {
        for candidate in inner where try kind("\(folder)/\(name)/\(candidate)") == .directory {
            return "\(name)/\(candidate)"
        }
        return name
    }

    private func append(to index: inout SampleIndex, label: Int, path: String, prefix: String) throws(DatasetError) {
        let place = try index.addPlace(prefix.isEmpty ? path : "\(prefix)/\(path)")
        let before = index.count
        for name in try list("\(folder)/\(path)") where Self.isImage(name) {
            try index.append(
                place: place, name: name, label: label, byteCount: try Self.byteCount("\(folder)/\(path)/\(name)"))
        }
        guard index.count > before else {
            throw .stated(
                "\(folder)/\(path) holds no images (.jpg, .jpeg, .png): a class without images shifts no label here, "
                    + "but is a broken copy; copy it again or remove the folder")
        }
    }

    static func byteCount(_ path: String) throws(DatasetError) -> Int {
        var status = stat()
        guard stat(path, &status) == 0 else { throw .file(.last("look at", path)) }
        guard FileKind(mode: status.st_mode) == .regular else {
            throw .file(.kind(FileKind(mode: status.st_mode), of: path))
        }
        guard status.st_size > 0 else { throw .stated("\(path) is empty: copy it again") }
        return status.st_size
    }

    private func list(_ path: String) throws(DatasetError) -> [String] {
        let names: [String]
        do throws(FileError) {
            names = try Folder.names(in: path).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        } catch { throw .file(error) }
        // In place of bytes that are not UTF-8, by which nothing can be opened.
        if let name = names.first(where: { $0.unicodeScalars.contains("\u{FFFD}") }) {
            throw .stated("\(path) holds \(name), whose name is not UTF-8: rename it")
        }
        return names
    }

    private func kind(_ path: String) throws(DatasetError) -> FileKind? {
        do throws(FileError) { return try FileKind(of: path) } catch { throw .file(error) }
    }
}
