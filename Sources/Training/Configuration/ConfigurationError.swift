import Compute

/// A setting that cannot be used: where it was given, what is wrong, what to do.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ problem: String, remedy: String) { description = "\(problem): \(remedy)" }

    /// - Parameter place: `--rho`, or a file and key.
    package static func value(_ text: String, at place: String, mustBe expected: String) -> ConfigurationError {
        ConfigurationError("\(place) is '\(text)'", remedy: "it must be \(expected)")
    }

    /// bfloat16 on a processor, or under a cap, without the instructions that oneDNN wants for it.
    package static func unsupported(_ use: String, remedy: String) -> ConfigurationError {
        let (cap, way) =
            Precision.processorCap.map { (", which \($0) hides if this one has it", " or unset it") } ?? ("", "")
        return ConfigurationError("\(use) needs a processor with AVX-512\(cap)", remedy: remedy + way)
    }

    package static func unknownKey(_ key: String, at place: String) -> ConfigurationError {
        if ["config", "resume"].contains(key) {
            return ConfigurationError("\(place): '\(key)' is no setting", remedy: "give --\(key) on the command line")
        }
        let known = Setting.all.map(\.name) + ["normalization"]
        let hint =
            (Setting.meant(byShortName: key) ?? SettingText.nearest(key, among: known)).map {
                "did you mean '\($0)'?"
            }
            ?? "the keys are the long flags' names"
        return ConfigurationError("\(place): unknown key '\(key)'", remedy: hint)
    }
}
