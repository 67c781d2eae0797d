import Files
import Glibc

/// Labels of ImageNet's validation images from the devkit as it is published: `ILSVRC2012_devkit_t12`, with
/// `data/meta.mat` and `data/ILSVRC2012_validation_ground_truth.txt`.
///
/// The ground truth has a line for each image, in order of the images' names, with an ILSVRC2012_ID from 1. That is the
/// order of meta.mat, not of the sorted names: an ID becomes a name (`WNID`), and the name its place among the classes.
enum ImageNetDevkit {
    static let truth = "ILSVRC2012_validation_ground_truth.txt"
    private static let mostMetaBytes = 1 << 25

    /// The folder with both files, in one of these or in a devkit beside them; nil where there is none.
    static func find(in folders: [String]) -> String? {
        let inner = ["", "/data", "/ILSVRC2012_devkit_t12/data"]
        return folders.flatMap { folder in inner.map { folder + $0 } }.first { folder in
            [truth, "meta.mat"].allSatisfy { (try? FileKind(of: "\(folder)/\($0)")) == .regular }
        }
    }

    /// The label of each image, in order of their names.
    ///
    /// - Parameter classes: names in the order of labels.
    static func labels(in folder: String, classes: [String]) throws(DatasetError) -> [Int] {
        let meta = "\(folder)/meta.mat"
        let labelOf = try labels(ofIDsIn: meta, classes)
        let path = "\(folder)/\(truth)"
        let text: String
        do throws(FileError) { text = try InputFile.text(path, limit: 1 << 24) } catch { throw .file(error) }
        var labels: [Int] = []
        for (line, content) in text.split(whereSeparator: \.isNewline).enumerated() {
            guard let id = Int(content.filter { !$0.isWhitespace }), let label = labelOf[id] else {
                throw .stated(
                    "\(path):\(line + 1): '\(content.prefix(40))' is no ID that \(meta) gives one of the "
                        + "\(classes.count) classes: take both from one devkit, and all training images")
            }
            labels.append(label)
        }
        return labels
    }

    private static func labels(ofIDsIn path: String, _ classes: [String]) throws(DatasetError) -> [Int: Int] {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try InputFile.bytes(path, limit: mostMetaBytes) { _ in
                "the published one has less than a megabyte"
            }
        } catch { throw .file(error) }
        let rows: [[String: MatFile.Value]]
        do throws(MatFile.Problem) { rows = try MatFile(bytes).structures["synsets"] ?? [] } catch {
            throw .stated("\(path) cannot be read (\(error.reason)): copy the devkit again")
        }
        var places: [String: Int] = [:]
        for (place, name) in classes.enumerated() { places[name] = place }
        var labelOf: [Int: Int] = [:]
        for row in rows {
            guard case .numbers(let ids)? = row["ILSVRC2012_ID"], ids.count == 1, let id = Int(exactly: ids[0]),
                case .text(let name)? = row["WNID"]
            else { throw .stated("\(path) has a synset without ILSVRC2012_ID or WNID: copy the devkit again") }
            // Inner nodes of the tree, behind the classes, have names that no folder has.
            guard let place = places[name] else { continue }
            guard labelOf.updateValue(place, forKey: id) == nil else {
                throw .stated("\(path) has ILSVRC2012_ID \(id) twice: copy the devkit again")
            }
        }
        guard !rows.isEmpty else { throw .stated("\(path) holds no synsets: copy the devkit again") }
        return labelOf
    }
}
