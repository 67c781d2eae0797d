import Catalogs
import Files

/// The usual kinds of setting.
extension Setting {
    /// One of the names of an enumeration, which the help lists after the summary.
    ///
    /// - Parameters:
    ///   - alternatives: other usual words for a name.
    ///   - notes: what the help says of a name.
    package static func choice<Value: RawRepresentable<String> & CaseIterable & Hashable & Sendable>(
        _ name: String, _ path: Path<Value>, _ summary: String, alternatives: [String: String] = [:],
        notes: [Value: String] = [:]
    ) -> Setting {
        Setting(
            name, path, summary,
            choices: { Value.allCases.map { choice($0.rawValue, note: notes[$0]) } },
            read: { $0.rawValue },
            parse: { text throws(Expected) in
                let names = Value.allCases.map(\.rawValue)
                guard let name = SettingText.name(text, among: names, alternatives: alternatives),
                    let value = Value(rawValue: name)
                else { throw Expected(SettingText.choice(text, among: names)) }
                return value
            })
    }

    /// An entry of a catalog, all of which the help lists after the summary.
    ///
    /// - Parameter note: what the help says of an entry.
    package static func entry<Entry: CatalogEntry>(
        _ name: String, _ path: Path<Entry>, in catalog: Catalog<Entry>, _ summary: String,
        note: @escaping @Sendable (Entry) -> String? = { _ in nil }
    ) -> Setting {
        Setting(
            name, path, summary,
            choices: { catalog.entries.map { choice($0.name, note: note($0)) } },
            read: { $0.name },
            parse: { text throws(Expected) in
                guard let entry = try? catalog.entry(text) else {
                    throw Expected(SettingText.choice(text, among: catalog.names))
                }
                return entry
            })
    }

    private static func choice(_ name: String, note: String?) -> String { note.map { "\(name) (\($0))" } ?? name }

    /// A path in any spelling.
    package static func path(_ name: String, _ path: Path<String?>, _ summary: String) -> Setting {
        var setting = Setting(
            name, path, summary, read: { $0 }, parse: { text throws(Expected) in try pathText(text) })
        setting.isText = true
        return setting
    }

    /// The path that a text means.
    static func pathText(_ text: String) throws(Expected) -> String {
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
    }

    /// On or off.
    package static func toggle(_ name: String, _ path: Path<Bool>, _ summary: String) -> Setting {
        var setting = Setting(
            name, path, summary, read: { "\($0)" },
            parse: { text throws(Expected) in
                guard let value = SettingText.flag(text) else { throw Expected("true or false") }
                return value
            })
        setting.isSwitch = true
        return setting
    }

    package static func number(
        _ name: String, _ path: Path<Double>, _ range: NumberRange, _ summary: String
    ) -> Setting {
        Setting(
            name, path, summary, read: { "\($0)" },
            parse: { text throws(Expected) in try range.value(of: text) })
    }

    package static func optionalNumber(
        _ name: String, _ path: Path<Double?>, _ range: NumberRange, _ summary: String
    ) -> Setting {
        Setting(
            name, path, summary, read: { $0.map { "\($0)" } },
            parse: { text throws(Expected) in try range.value(of: text) })
    }

    package static func count(_ name: String, _ path: Path<Int>, _ summary: String) -> Setting {
        Setting(name, path, summary, read: { "\($0)" }, parse: positive)
    }

    package static func optionalCount(_ name: String, _ path: Path<Int?>, _ summary: String) -> Setting {
        Setting(
            name, path, summary, read: { $0.map { "\($0)" } },
            parse: { text throws(Expected) in try positive(text) })
    }

    /// Bounded so that products of two counts cannot overflow.
    @Sendable package static func positive(_ text: String) throws(Expected) -> Int {
        guard let value: Int = SettingText.wholeNumber(text), value >= 1, value <= Int(Int32.max) else {
            throw Expected("a whole number from 1 to \(Int32.max)")
        }
        return value
    }
}

/// The numbers that a setting takes, and the words for them in a refusal.
package struct NumberRange: Sendable {
    private let least: Double
    private let isLeastIncluded: Bool
    private let bound: Double
    private var isBoundIncluded = false

    private init(least: Double, isLeastIncluded: Bool, bound: Double) {
        (self.least, self.isLeastIncluded, self.bound) = (least, isLeastIncluded, bound)
    }

    /// Both ends included.
    package static func atLeast(_ least: Double, to most: Double) -> NumberRange {
        var range = NumberRange(least: least, isLeastIncluded: true, bound: most)
        range.isBoundIncluded = true
        return range
    }

    package static func atLeast(_ least: Double, below bound: Double = .infinity) -> NumberRange {
        NumberRange(least: least, isLeastIncluded: true, bound: bound)
    }

    package static func above(_ least: Double) -> NumberRange {
        NumberRange(least: least, isLeastIncluded: false, bound: .infinity)
    }

    /// The number that `text` spells; throws what it should have been.
    package func value(of text: String) throws(Setting.Expected) -> Double {
        let words =
            "a \(text.lowercased().contains("inf") ? "finite " : "")number "
            + (isLeastIncluded ? "of at least " : "above ") + Self.short(least)
            + (bound < .infinity ? " and \(isBoundIncluded ? "at most" : "below") \(Self.short(bound))" : "")
        guard let value = SettingText.number(text), value.isFinite,
            value > least || isLeastIncluded && value == least, value < bound || isBoundIncluded && value == bound
        else { throw Setting.Expected(words) }
        // What is computed with; 0.999999999 would be 1.
        guard bound == .infinity || isBoundIncluded || Float(value) < Float(bound) else {
            throw Setting.Expected("\(words) in single precision, at most \(Float(bound).nextDown)")
        }
        guard isLeastIncluded || Float(value) > Float(least) && Float(value).isFinite else {
            throw Setting.Expected("\(words) in single precision, from \(Float(least).nextUp) to 3.4e38")
        }
        return value
    }

    private static func short(_ value: Double) -> String { value == value.rounded() ? "\(Int(value))" : "\(value)" }
}
