import Datasets
import TensorFiles

/// What weights need besides their values to mean something, kept in their own file: a copy far from its run is then
/// evaluated as the run is. In safetensors' `__metadata__`, under keys that no other tool uses.
struct WeightsDescription: Sendable {
    static let prefix = "crsam_dist."
    /// Settings that an evaluation depends on, to the last bit of the loss.
    private static let fields = [
        "model", "dataset", "seed", "convolution", "precision", "batch-size", "micro-batch-size", "m-sharpness",
    ]

    /// Those without which the numbers are meaningless.
    private static let essentials: Set = ["model", "dataset"]

    /// Setting and value, in canonical spelling.
    private(set) var settings: [(name: String, text: String)] = []
    private(set) var normalization: ChannelNormalization?
    /// Nil where the file does not say.
    private(set) var classCount: Int?
    private(set) var inputShape: ImageShape?
    /// In the order of the logits; nil where the file does not say.
    private(set) var classNames: [String]?
    /// Updates of the weights so far; nil where the file does not say.
    private(set) var step: Int?
    /// Longer lists of names are not kept.
    private static let mostNameBytes = 1 << 20

    subscript(name: String) -> String? { settings.first { $0.name == name }?.text }

    /// - Parameter configuration: resolved.
    static func metadata(_ configuration: RunConfiguration, _ data: any Dataset) -> [SafeTensors.Metadata] {
        let shape = data.shape
        return fields.compactMap { name in
            Setting.named(name)?.read(configuration).map { .init(prefix + name, $0) }
        } + [
            .init(prefix + "normalization", RunConfiguration.text(of: data.normalization)),
            .init(prefix + "classes", "\(data.classCount)"),
            .init(prefix + "input-shape", "\(shape.channels)x\(shape.height)x\(shape.width)"),
        ] + classNames(of: data)
    }

    /// Of images in files, a name a line.
    private static func classNames(of data: any Dataset) -> [SafeTensors.Metadata] {
        guard let index = (data as? EncodedImages)?.store.index, !index.hasNumberedClasses else { return [] }
        let text = index.classes.joined(separator: "\n")
        return text.utf8.count <= mostNameBytes ? [.init(prefix + "class-names", text)] : []
    }

    /// What a file says; nothing where it comes from another tool. Throws what nobody could have meant.
    init(_ file: SafeTensorsFile) throws(CheckpointError) {
        var known = RunConfiguration()
        for entry in file.metadata where entry.key.hasPrefix(Self.prefix) {
            let name = String(entry.key.dropFirst(Self.prefix.count))
            do throws(ConfigurationError) {
                if name == "normalization" {
                    normalization = try RunConfiguration.normalization(text: entry.value, place: entry.key)
                } else if name == "classes" {
                    classCount = try Self.count(entry.value[...], entry)
                } else if name == "input-shape" {
                    inputShape = try Self.shape(entry)
                } else if name == "class-names" {
                    classNames = entry.value.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
                } else if name == "step" {
                    step = SettingText.wholeNumber(entry.value)
                } else if Self.fields.contains(name), let setting = Setting.named(name) {
                    try known.set(setting, entry.value, place: entry.key)
                    settings.append((name, setting.read(known) ?? ""))
                }
            } catch {
                throw .malformedMetadata(path: file.path, problem: error.description)
            }
        }
    }

    /// Sets what the file says; of a checkpoint in its run only what its weights were trained on, as the run's own
    /// `config.yaml` has the rest.
    ///
    /// - Parameter isComplete: whether the configuration's data set is the run's, and not only the default.
    func apply(to configuration: inout RunConfiguration, isInRun: Bool, isComplete: Bool) throws {
        let dataset = configuration.dataset
        for (name, text) in settings where !isInRun || Self.essentials.contains(name) {
            try configuration.apply(flag: name, text)
        }
        if configuration.dataset != dataset, isComplete {
            (configuration.dataDirectory, configuration.normalization) = (nil, nil)
        }
        configuration.normalization = normalization ?? configuration.normalization
    }

    /// Where a run that begins with the weights feeds them other numbers for the same images than they were trained on.
    func normalizationWarning(for configuration: RunConfiguration) -> String? {
        guard self["dataset"] == configuration.dataset.name, let own = normalization,
            let other = configuration.normalization, own != other
        else { return nil }
        let (text, otherText) = (RunConfiguration.text(of: own), RunConfiguration.text(of: other))
        return
            "--init-weights were trained with normalization \(text), this run normalizes with "
            + "\(otherText): put 'normalization: \(text)' into a file for --config to keep theirs"
    }

    private static func shape(_ entry: SafeTensors.Metadata) throws(ConfigurationError) -> ImageShape {
        var sizes: [Int] = []
        for part in entry.value.split(separator: "x", omittingEmptySubsequences: false) {
            sizes.append(try count(part, entry))
        }
        guard sizes.count == 3 else { throw .value(entry.value, at: entry.key, mustBe: "three sizes, as in 3x32x32") }
        return ImageShape(channels: sizes[0], height: sizes[1], width: sizes[2])
    }

    private static func count(_ text: Substring, _ entry: SafeTensors.Metadata) throws(ConfigurationError) -> Int {
        guard let count: Int = SettingText.wholeNumber(String(text)), count > 0 else {
            throw .value(entry.value, at: entry.key, mustBe: "a whole number of at least 1")
        }
        return count
    }
}
