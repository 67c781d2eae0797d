import Files
import Models

/// Where a run stood when a checkpoint was written: all that is not a tensor. The text of `state.json`.
package struct CheckpointState: Sendable, Equatable {
    package static let formatVersion = 1

    /// Updates of the weights so far.
    package var step: Int
    /// Epochs completed; also the number, from 0, of the epoch in progress.
    package var epoch: Int
    /// Samples of the epoch in progress that the whole job has used; 0 between epochs.
    package var position: Int
    package var seed: UInt64
    /// Samples behind each ascent direction.
    package var mSharpness: Int
    /// The model's name in the catalog.
    package var model: String
    /// Hashes of all training and all test images with their labels, in hexadecimal; nil for synthetic ones, which
    /// follow from the settings, and in checkpoints of before.
    package var trainingData: String?
    package var testData: String?
    /// The fields that the run's numbers depend on, as text; those that a checkpoint of before does not have are
    /// trusted.
    package var settings: [String: String]

    package init(
        step: Int, epoch: Int, position: Int, seed: UInt64, mSharpness: Int, model: String,
        trainingData: String? = nil, testData: String? = nil, settings: [String: String] = [:]
    ) {
        self.step = step
        self.epoch = epoch
        self.position = position
        self.seed = seed
        self.mSharpness = mSharpness
        self.model = model
        self.trainingData = trainingData
        self.testData = testData
        self.settings = settings
    }

    /// Whether the run keeps an average of its weights.
    var keepsAverage: Bool { settings["ema-decay"].flatMap { Double($0) } ?? 0 > 0 }

    var json: String {
        var text = "{\n  \"format_version\": \(Self.formatVersion),\n  \"model\": "
        text.appendJSON(model)
        text += ",\n  \"step\": \(step),\n  \"epoch\": \(epoch),\n  \"position\": \(position),\n  \"seed\": \(seed)"
        text += ",\n  \"m_sharpness\": \(mSharpness)"
        for (key, hash) in [("training_data", trainingData), ("test_data", testData)] {
            guard let hash else { continue }
            text += ",\n  \"\(key)\": "
            text.appendJSON(hash)
        }
        if !settings.isEmpty {
            text += ",\n  \"settings\": {"
            for (index, (name, value)) in settings.sorted(by: { $0.key < $1.key }).enumerated() {
                text += index == 0 ? "\n    " : ",\n    "
                text.appendJSON(name)
                text += ": "
                text.appendJSON(value)
            }
            text += "\n  }"
        }
        return text + "\n}\n"
    }

    /// Reads `state.json`; `path` is for the error.
    init(json: String, path: String) throws(CheckpointError) {
        var counts: [String: Int] = [:]
        var texts: [String: String] = [:]
        var seed: UInt64?
        var settings: [String: String] = [:]
        do {
            var scanner = JSONScanner(Array(json.utf8))
            try scanner.object { scanner, key in
                switch key {
                case "format_version", "step", "epoch", "position", "m_sharpness": counts[key] = try scanner.count()
                case "model", "training_data", "test_data": texts[key] = try scanner.string()
                // Of before: ``settings`` say what it hashed.
                case "configuration_hash": _ = try scanner.string()
                case "settings": try scanner.object { scanner, name in settings[name] = try scanner.string() }
                case "seed": seed = try scanner.unsigned()
                default: throw JSONError(problem: "unknown key \"\(key)\"", offset: scanner.offset)
                }
            }
            try scanner.end()
        } catch {
            throw .malformedState(path: path, problem: (error as? JSONError)?.text ?? "\(error)")
        }
        guard let step = counts["step"], let epoch = counts["epoch"], let position = counts["position"], let seed,
            let mSharpness = counts["m_sharpness"], let model = texts["model"],
            let version = counts["format_version"]
        else { throw .malformedState(path: path, problem: "a key is missing") }
        guard version == Self.formatVersion else {
            throw .otherVersion(path: path, version: version)
        }
        self.init(
            step: step, epoch: epoch, position: position, seed: seed, mSharpness: mSharpness,
            model: Self.canonical(model), trainingData: texts["training_data"], testData: texts["test_data"],
            settings: settings)
    }

    /// Older checkpoints have the name as it was typed.
    private static func canonical(_ model: String) -> String { (try? modelCatalog.entry(model))?.name ?? model }
}
