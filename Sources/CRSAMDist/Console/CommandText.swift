/// What a process is started with, as text: an argument that is no UTF-8 would become another name, and a control
/// character at an argument's end is not seen in a message.
package enum CommandText {
    /// What is wrong with the first argument that is no plain text, and what to do; nil where all are.
    package static func problem(_ arguments: [String]) -> String? {
        for argument in arguments {
            // What was no UTF-8 has become U+FFFD.
            if argument.unicodeScalars.contains("\u{FFFD}") {
                return "the argument '\(argument)' is not text in UTF-8: rename what it names, or make a link to it"
            }
            guard let control = argument.unicodeScalars.first(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
                continue
            }
            return "the argument '\(argument)' holds a control character"
                + (control == "\r" ? ", a carriage return: give the script Unix's line breaks (sed -i 's/\\r$//')" : "")
        }
        return nil
    }
}
