import Compute
import Datasets
import Optimizers

/// One setting of a run, under the name that it has as a flag (with two dashes) and as a YAML key.
public struct ConfigurationField: Sendable {
    public let name: String
    /// Whether the run's numbers depend on it: a resumed run must have the same, and so must all ranks.
    public let isIdentity: Bool
    /// As text; nil where it is not set.
    package let read: @Sendable (RunConfiguration) -> String?
    /// From text. Throws what the value should have been.
    let write: @Sendable (inout RunConfiguration, String) throws(Expected) -> Void

    /// What a value should have been, as in "must be …".
    struct Expected: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    public static let all: [ConfigurationField] = [
        .choice("dataset", \.dataset),
        .text("data", \.dataDirectory, isIdentity: false),
        .choice("augment", \.augment),
        .text("model", \.model),
        .text("init-weights", \.initWeights),
        .choice("convolution", \.convolution),
        .choice("precision", \.precision),
        .choice("method", \.method),
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
        .text("output", \.output, isIdentity: false),
    ]

    public static func named(_ name: String) -> ConfigurationField? { all.first { $0.name == name } }

    // MARK: Kinds of field

    private typealias Path<Value> = WritableKeyPath<RunConfiguration, Value> & Sendable

    private static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String, _ path: Path<Value>
    ) -> Self {
        .init(
            name: name, isIdentity: true, read: { $0[keyPath: path].rawValue },
            write: { configuration, text throws(Expected) in
                guard let value = Value(rawValue: text) else {
                    throw Expected("one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
                }
                configuration[keyPath: path] = value
            })
    }

    private static func text(_ name: String, _ path: Path<String>) -> Self {
        .init(
            name: name, isIdentity: true, read: { $0[keyPath: path] },
            write: { configuration, text throws(Expected) in
                configuration[keyPath: path] = try checked(text)
            })
    }

    private static func text(_ name: String, _ path: Path<String?>, isIdentity: Bool = true) -> Self {
        .init(
            name: name, isIdentity: isIdentity, read: { $0[keyPath: path] },
            write: { configuration, text throws(Expected) in
                configuration[keyPath: path] = try checked(text)
            })
    }

    private static func checked(_ text: String) throws(Expected) -> String {
        guard !text.isEmpty, text.unicodeScalars.allSatisfy({ $0.value >= 0x20 }) else {
            throw Expected("text of at least one character, without control characters")
        }
        return text
    }

    private static func flag(_ name: String, _ path: Path<Bool>) -> Self {
        .init(
            name: name, isIdentity: true, read: { "\($0[keyPath: path])" },
            write: { configuration, text throws(Expected) in
                switch text {
                case "true": configuration[keyPath: path] = true
                case "false": configuration[keyPath: path] = false
                default: throw Expected("true or false")
                }
            })
    }

    private static func number(
        _ name: String, _ path: Path<Double>, atLeast least: Double, below bound: Double = .infinity
    ) -> Self {
        .init(
            name: name, isIdentity: true, read: { "\($0[keyPath: path])" },
            write: { configuration, text throws(Expected) in
                let range =
                    "a number of at least \(short(least))" + (bound < .infinity ? " and below \(short(bound))" : "")
                guard let value = Double(text), value.isFinite, value >= least, value < bound else {
                    throw Expected(range)
                }
                configuration[keyPath: path] = value
            })
    }

    private static func optionalNumber(
        _ name: String, _ path: Path<Double?>, atLeast least: Double = -.infinity, above bound: Double = -.infinity
    ) -> Self {
        .init(
            name: name, isIdentity: true, read: { $0[keyPath: path].map { "\($0)" } },
            write: { configuration, text throws(Expected) in
                guard let value = Double(text), value.isFinite, value >= least, value > bound else {
                    throw Expected(bound == 0 ? "a number above 0" : "a number of at least \(short(least))")
                }
                configuration[keyPath: path] = value
            })
    }

    private static func count(_ name: String, _ path: Path<Int>, isIdentity: Bool = true) -> Self {
        .init(
            name: name, isIdentity: isIdentity, read: { "\($0[keyPath: path])" },
            write: { configuration, text throws(Expected) in
                configuration[keyPath: path] = try positive(text)
            })
    }

    private static func optionalCount(_ name: String, _ path: Path<Int?>, isIdentity: Bool = true) -> Self {
        .init(
            name: name, isIdentity: isIdentity, read: { $0[keyPath: path].map { "\($0)" } },
            write: { configuration, text throws(Expected) in
                configuration[keyPath: path] = try positive(text)
            })
    }

    /// Bounded so that products of two counts cannot overflow.
    private static func positive(_ text: String) throws(Expected) -> Int {
        guard let value = Int(text), value >= 1, value <= Int(Int32.max) else {
            throw Expected("a whole number from 1 to \(Int32.max)")
        }
        return value
    }

    private static func short(_ value: Double) -> String { value == value.rounded() ? "\(Int(value))" : "\(value)" }

    private static let mSharpness = ConfigurationField(
        name: "m-sharpness", isIdentity: true,
        read: {
            switch $0.mSharpness {
            case .samples(let count): "\(count)"
            case .global: "global"
            case nil: nil
            }
        },
        write: { configuration, text throws(Expected) in
            if text == "global" {
                configuration.mSharpness = .global
                return
            }
            guard let count = try? positive(text) else { throw Expected("a whole number of at least 1, or 'global'") }
            configuration.mSharpness = .samples(count)
        })

    private static let seed = ConfigurationField(
        name: "seed", isIdentity: true, read: { "\($0.seed)" },
        write: { configuration, text throws(Expected) in
            guard let value = UInt64(text) else { throw Expected("a whole number from 0 to \(UInt64.max)") }
            configuration.seed = value
        })
}
