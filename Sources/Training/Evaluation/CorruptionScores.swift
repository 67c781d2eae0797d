import Datasets
import Files

/// Accuracies on ImageNet-C (Hendrycks and Dietterich, ICLR 2019): images with corruptions in five severities.
///
/// The corruption error of c is CE_c = Σ_s E_{c,s} / Σ_s E_{c,s} of AlexNet, with E the share of wrong predictions at
/// severity s; mCE is the mean over the fifteen corruptions. Papers on SAM give the plain mean accuracy instead.
package struct CorruptionScores: Sendable {
    package struct Row: Sendable, Equatable {
        package let corruption: String
        package let severity: Int
        package let accuracy: Double

        package init(corruption: String, severity: Int, accuracy: Double) {
            (self.corruption, self.severity, self.accuracy) = (corruption, severity, accuracy)
        }
    }

    package private(set) var rows: [Row] = []

    /// AlexNet's mean error over the severities, from robustness/ImageNet-C/test.py. Keyed by name: in whatever order
    /// folders come, each is divided by its own.
    package static let alexNetErrors: [String: Double] = [
        "gaussian_noise": 0.886428, "shot_noise": 0.894468, "impulse_noise": 0.922640, "defocus_blur": 0.819880,
        "glass_blur": 0.826268, "motion_blur": 0.785948, "zoom_blur": 0.798360, "snow": 0.866816, "frost": 0.826572,
        "fog": 0.819324, "brightness": 0.564592, "contrast": 0.853204, "elastic_transform": 0.646056,
        "pixelate": 0.717840, "jpeg_compression": 0.606500,
    ]
    package static let severities = 1...5

    package init() {}

    package mutating func add(_ row: Row) { rows.append(row) }

    /// In the order in which they were added.
    package var corruptions: [String] {
        var seen: Set<String> = []
        return rows.map(\.corruption).filter { seen.insert($0).inserted }
    }

    /// Mean over the severities; nil unless all five are there.
    package func accuracy(of corruption: String) -> Double? {
        let own = rows.filter { $0.corruption == corruption }
        guard Set(own.map(\.severity)) == Set(Self.severities), own.count == 5 else { return nil }
        return own.reduce(0) { $0 + $1.accuracy } / 5
    }

    /// Nil for a corruption without a published error of AlexNet, or with severities lacking.
    package func corruptionError(of corruption: String) -> Double? {
        guard let accuracy = accuracy(of: corruption), let reference = Self.alexNetErrors[corruption] else {
            return nil
        }
        return (1 - accuracy) / reference
    }

    /// Nil unless all fifteen corruptions are there.
    package var mCE: Double? {
        let errors = Self.alexNetErrors.keys.sorted().compactMap(corruptionError)
        return errors.count == Self.alexNetErrors.count ? errors.reduce(0, +) / Double(errors.count) : nil
    }

    /// Over the corruptions of mCE that are there.
    package var meanAccuracy: Double? {
        let known = corruptions.filter { Self.alexNetErrors[$0] != nil }.compactMap(accuracy)
        return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }

    package var text: String {
        let width = corruptions.map(\.count).max() ?? 0
        var lines = ["\(String(repeating: " ", count: width))      1      2      3      4      5   mean     CE"]
        for corruption in corruptions {
            let cells = Self.severities.map { severity in
                rows.first { $0.corruption == corruption && $0.severity == severity }?.accuracy
            }
            let all = cells + [accuracy(of: corruption), corruptionError(of: corruption)]
            let padding = String(repeating: " ", count: width - corruption.count)
            lines.append(corruption + padding + all.map(Self.cell).joined())
        }
        lines.append(
            "mean accuracy \(Self.percent(meanAccuracy)), mCE \(Self.percent(mCE))"
                + (mCE == nil ? " (needs all fifteen corruptions in five severities)" : ""))
        return lines.joined(separator: "\n")
    }

    private static func percent(_ value: Double?) -> String {
        value.map { NumberText.fixed(100 * $0, 2) + " %" } ?? "–"
    }

    private static func cell(_ value: Double?) -> String {
        let text = value.map { NumberText.fixed(100 * $0, 1) } ?? "–"
        return String(repeating: " ", count: max(1, 7 - text.count)) + text
    }

    package var json: String {
        var text = "{\"mce\":"
        if let mCE { text.appendJSON(mCE) } else { text += "null" }
        text += ",\"mean_accuracy\":"
        if let meanAccuracy { text.appendJSON(meanAccuracy) } else { text += "null" }
        text += ",\"corruptions\":["
        for (index, row) in rows.enumerated() {
            text += "\(index > 0 ? "," : ""){\"corruption\":"
            text.appendJSON(row.corruption)
            text += ",\"severity\":\(row.severity),\"accuracy\":"
            text.appendJSON(row.accuracy)
            text += "}"
        }
        return text + "]}\n"
    }

    /// Folders `CORRUPTION/1` to `CORRUPTION/5`, straight in `folder` or below groups such as `noise/`.
    package static func folders(in folder: String) throws(FileError) -> [(
        corruption: String, severity: Int, path: String
    )] {
        var found: [(corruption: String, severity: Int, path: String)] = []
        func isFolder(_ path: String) -> Bool { (try? FileKind(of: path)) == .directory }
        func look(_ name: String, _ path: String) -> Bool {
            let own = severities.filter { isFolder("\(path)/\($0)") }
            found += own.map { (corruption: name, severity: $0, path: "\(path)/\($0)") }
            return !own.isEmpty
        }
        for name in try Folder.names(in: folder) where !name.hasPrefix(".") && isFolder("\(folder)/\(name)") {
            if look(name, "\(folder)/\(name)") { continue }
            for inner in try Folder.names(in: "\(folder)/\(name)") where !inner.hasPrefix(".") {
                _ = look(inner, "\(folder)/\(name)/\(inner)")
            }
        }
        return found
    }
}
