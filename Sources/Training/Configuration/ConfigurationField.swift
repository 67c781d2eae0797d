import Catalogs
import Compute
import Datasets
import Files
import Models
import Optimizers

/// One setting of a run, under the name that it has as a flag (with two dashes) and as a YAML key.
package struct ConfigurationField: Sendable {
    package let name: String
    /// Whether the run's numbers depend on it: a resumed run must have the same, and so must all ranks.
    package let isIdentity: Bool
    /// As text; nil where it is not set.
    package let read: @Sendable (RunConfiguration) -> String?
    /// From text, which names and numbers may spell in any usual way. Throws what the value should have been.
    let write: @Sendable (inout RunConfiguration, String) throws(Expected) -> Void
    /// Back to the default.
    let reset: @Sendable (inout RunConfiguration) -> Void
    /// Whether any text may be its value: the YAML that is written must then say that it is text.
    var isText = false

    /// What a value should have been, as in "must be …".
    struct Expected: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    package static let all: [ConfigurationField] = [
        .entry("dataset", \.dataset, in: datasetCatalog),
        .path("data", \.dataDirectory, isIdentity: false),
        .entry("augment", \.augment, in: transformCatalog),
        model,
        .path("init-weights", \.initWeights),
        .choice("convolution", \.convolution),
        .choice(
            "precision", \.precision,
            alternatives: ["fp32": "float32", "f32": "float32", "float": "float32", "bf16": "bfloat16"]),
        .entry("method", \.method, in: methodCatalog),
        .choice("regularizer", \.regularizer),
        .number("rho", \.rho, atLeast: 0),
        .number("alpha", \.alpha, atLeast: 0),
        .number("beta", \.beta, atLeast: 0),
        mSharpness,
        .choice("bn-running-stats", \.bnRunningStats),
        .number("label-smoothing", \.labelSmoothing, atLeast: 0, below: 1),
        .choice("optimizer", \.optimizer),
        .number("learning-rate", \.learningRate, atLeast: 0),
        .number("momentum", \.momentum, atLeast: 0, below: 1),
        .flag("nesterov", \.nesterov),
        .number("weight-decay", \.weightDecay, atLeast: 0),
        .optionalNumber("clip-norm", \.clipNorm, above: 0),
        .choice("schedule", \.schedule),
        .optionalNumber("warmup-epochs", \.warmupEpochs, atLeast: 0),
        .count("batch-size", \.batchSize),
        .optionalCount("micro-batch-size", \.microBatchSize),
        .count("epochs", \.epochs),
        .optionalCount("steps", \.steps),
        seed,
        .count("threads", \.threads, isIdentity: false),
        .number("bucket-size", \.bucketSize, atLeast: 0),
        .count("evaluate-every", \.evaluateEvery, isIdentity: false),
        .optionalCount("checkpoint-every", \.checkpointEvery, isIdentity: false),
        .path("output", \.output, isIdentity: false),
    ]

    package static func named(_ name: String) -> ConfigurationField? { all.first { $0.name == name } }

    // MARK: Kinds of field

    private typealias Path<Value> = WritableKeyPath<RunConfiguration, Value> & Sendable

    private init<Value>(
        _ name: String, _ path: Path<Value>, isIdentity: Bool = true,
        read: @escaping @Sendable (Value) -> String?,
        parse: @escaping @Sendable (String) throws(Expected) -> Value
    ) {
        self.name = name
        self.isIdentity = isIdentity
        self.read = { read($0[keyPath: path]) }
        write = { configuration, text throws(Expected) in configuration[keyPath: path] = try parse(text) }
        reset = { $0[keyPath: path] = RunConfiguration()[keyPath: path] }
    }

    private static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String, _ path: Path<Value>, alternatives: [String: String] = [:]
    ) -> Self {
        .init(
            name, path, read: { $0.rawValue },
            parse: { text throws(Expected) in
                let names = Value.allCases.map(\.rawValue)
                guard let name = SettingText.name(text, among: names, alternatives: alternatives),
                    let value = Value(rawValue: name)
                else { throw Expected(SettingText.choice(text, among: names)) }
                return value
            })
    }

    private static func entry<Entry: CatalogEntry>(
        _ name: String, _ path: Path<Entry>, in catalog: Catalog<Entry>
    ) -> Self {
        .init(
            name, path, read: { $0.name },
            parse: { text throws(Expected) in
                guard let entry = try? catalog.entry(text) else {
                    throw Expected(SettingText.choice(text, among: catalog.names))
                }
                return entry
            })
    }

    private static func path(_ name: String, _ path: Path<String?>, isIdentity: Bool = true) -> Self {
        var field = Self(
            name, path, isIdentity: isIdentity, read: { $0 },
            parse: { text throws(Expected) in
                guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }),
                    !text.contains(where: \.isNewline)
                else {
                    throw Expected("a path without control characters")
                }
                // In place of bytes that are not UTF-8: the name would be another one.
                if text.unicodeScalars.contains("\u{FFFD}") { throw Expected("a path in UTF-8") }
                guard let path = FileSystem.meant(text) else {
                    throw Expected(
                        text.isEmpty ? "a path of at least one character" : "a path, with the home folder written out")
                }
                return path
            })
        field.isText = true
        return field
    }

    private static func flag(_ name: String, _ path: Path<Bool>) -> Self {
        .init(
            name, path, read: { "\($0)" },
            parse: { text throws(Expected) in
                guard let value = SettingText.flag(text) else { throw Expected("true or false") }
                return value
            })
    }

    private static func number(
        _ name: String, _ path: Path<Double>, atLeast least: Double, below bound: Double = .infinity
    ) -> Self {
        .init(
            name, path, read: { "\($0)" },
            parse: { text throws(Expected) in
                let range =
                    "a \(finite(text))number of at least \(short(least))"
                    + (bound < .infinity ? " and below \(short(bound))" : "")
                guard let value = SettingText.number(text), value.isFinite, value >= least, value < bound else {
                    throw Expected(range)
                }
                // What is computed with; 0.999999999 would be 1.
                guard bound == .infinity || Float(value) < Float(bound) else {
                    throw Expected("\(range) in single precision, at most 0.9999999")
                }
                return value
            })
    }

    private static func optionalNumber(
        _ name: String, _ path: Path<Double?>, atLeast least: Double = -.infinity, above bound: Double = -.infinity
    ) -> Self {
        .init(
            name, path, read: { $0.map { "\($0)" } },
            parse: { text throws(Expected) in
                guard let value = SettingText.number(text), value.isFinite, value >= least, value > bound else {
                    throw Expected(
                        "a \(finite(text))number " + (bound == 0 ? "above 0" : "of at least \(short(least))"))
                }
                guard bound != 0 || Float(value) > 0 && Float(value).isFinite else {
                    throw Expected("a number above 0 in single precision, from 1e-45 to 3.4e38")
                }
                return value
            })
    }

    private static func count(_ name: String, _ path: Path<Int>, isIdentity: Bool = true) -> Self {
        .init(name, path, isIdentity: isIdentity, read: { "\($0)" }, parse: positive)
    }

    private static func optionalCount(_ name: String, _ path: Path<Int?>, isIdentity: Bool = true) -> Self {
        .init(
            name, path, isIdentity: isIdentity, read: { $0.map { "\($0)" } },
            parse: { text throws(Expected) in
                try positive(text)
            })
    }

    /// Bounded so that products of two counts cannot overflow.
    @Sendable private static func positive(_ text: String) throws(Expected) -> Int {
        guard let value: Int = SettingText.wholeNumber(text), value >= 1, value <= Int(Int32.max) else {
            throw Expected("a whole number from 1 to \(Int32.max)")
        }
        return value
    }

    private static func finite(_ text: String) -> String { text.lowercased().contains("inf") ? "finite " : "" }

    private static func short(_ value: Double) -> String { value == value.rounded() ? "\(Int(value))" : "\(value)" }

    private static let model = ConfigurationField(
        "model", \.model, read: { $0 },
        parse: { text throws(Expected) in
            // Only the catalog's own spelling gets further, into the names of folders and into files.
            guard let entry = try? modelCatalog.entry(text) else {
                throw Expected(SettingText.choice(text, among: modelCatalog.names))
            }
            return entry.name
        })

    private static let mSharpness = ConfigurationField(
        "m-sharpness", \.mSharpness,
        read: {
            switch $0 {
            case .samples(let count): "\(count)"
            case .global: "global"
            case nil: nil
            }
        },
        parse: { text throws(Expected) in
            if SettingText.name(text, among: ["global"]) != nil { return .global }
            guard let count = try? positive(text) else { throw Expected("a whole number of at least 1, or 'global'") }
            return .samples(count)
        })

    private static let seed = ConfigurationField(
        "seed", \.seed, read: { "\($0)" },
        parse: { text throws(Expected) in
            guard let value: UInt64 = SettingText.wholeNumber(text) else {
                throw Expected("a whole number from 0 to \(UInt64.max)")
            }
            return value
        })
}
