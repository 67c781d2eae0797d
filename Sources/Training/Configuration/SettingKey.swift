/// Where the value of a setting lies that has no property in ``RunConfiguration``, as one from outside this target.
///
///     extension SettingKey<Int> {
///         static let reportEvery = SettingKey("report-every", standard: 10)
///     }
///     settingCatalog.add(.count("report-every", \.[.reportEvery], "Steps between reports").under(.records))
///     configuration[.reportEvery]
package struct SettingKey<Value: Sendable>: Sendable {
    /// That of the setting.
    package let name: String
    /// The default.
    package let standard: Value

    package init(_ name: String, standard: Value) {
        self.name = name
        self.standard = standard
    }
}

/// Keys of one name are one key.
extension SettingKey: Hashable {
    package static func == (a: Self, b: Self) -> Bool { a.name == b.name }
    package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension RunConfiguration {
    package subscript<Value>(key: SettingKey<Value>) -> Value {
        get { addedValues[key.name] as? Value ?? key.standard }
        set { addedValues[key.name] = newValue }
    }
}
