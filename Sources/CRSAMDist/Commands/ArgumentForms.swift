import ArgumentParser
import Training

/// Forms of arguments that the parser takes for something else.
enum ArgumentForms {
    /// The first long option with one dash: the parser reads `-epochs` as a row of flags, of which `-h` prints help and
    /// succeeds.
    static func singleDashed(_ arguments: [String]) -> String? {
        arguments.prefix { $0 != "--" }.first { argument in
            argument.count > 2 && argument.first == "-" && argument.dropFirst().first?.isLetter == true
                && argument != "-help" && !isNegativeNumber(argument)
        }
    }

    /// A negative number after an option is its value: `--rho -1` means `--rho=-1`. The parser takes it for a flag
    /// otherwise, and says that the value is missing instead of what it must be.
    static func attached(_ arguments: [String]) -> [String] {
        var result: [String] = []
        for (index, argument) in arguments.enumerated() {
            if argument == "--" { return result + arguments[index...] }
            if isNegativeNumber(argument), let option = result.last, option.hasPrefix("--"), !option.contains("=") {
                result[result.count - 1] = "\(option)=\(argument)"
            } else {
                result.append(argument)
            }
        }
        return result
    }

    /// The parser's text of an unknown option, with the one that its short name means: by letters alone, it would name
    /// `--rho` for `--lr`. Nil for any other text.
    static func unknownOption(_ message: String) -> String? {
        let start = "Unknown option '--"
        guard message.hasPrefix(start), let name = message.dropFirst(start.count).split(separator: "'").first,
            let meant = Setting.meant(byShortName: String(name))
        else { return nil }
        return "Unknown option '--\(name)'. Did you mean '--\(meant)'?"
    }

    /// The parser's message about a command that does not exist, with the one that was probably meant.
    static func unknownCommand(_ message: String) -> String? {
        let start = "Unexpected argument '"
        guard message.hasPrefix(start), let name = message.dropFirst(start.count).split(separator: "'").first,
            let meant = SettingText.nearest(
                String(name), among: CRSAMDist.configuration.subcommands.map { "\($0)".lowercased() })
        else { return nil }
        return "Unexpected argument '\(name)'. Did you mean '\(meant)'?"
    }

    /// Of an option that is no setting of a run, spelled as those are.
    static func wholeNumber(_ text: String) throws -> Int {
        guard let value: Int = SettingText.wholeNumber(text) else { throw ValidationError("it must be a whole number") }
        return value
    }

    /// No option of this program begins so.
    private static func isNegativeNumber(_ text: String) -> Bool {
        guard text.hasPrefix("-") else { return false }
        let rest = text.dropFirst().lowercased()
        return rest.first.map { $0.isNumber || $0 == "." || $0 == "," } ?? false
            || ["inf", "infinity", "nan"].contains(rest)
    }
}
