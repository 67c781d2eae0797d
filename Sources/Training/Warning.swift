import Glibc

/// A line on standard error about something that a user should know and that stops nothing. Only rank 0 writes any.
enum Warning {
    static func write(_ text: String) {
        _ = Array("crsam-dist: warning: \(text)\n".utf8).withUnsafeBytes {
            Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count)
        }
    }
}
