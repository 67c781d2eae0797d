import Collectives
import Compute
import Glibc

/// What makes a run slower on its hosts than it was meant to be, and nobody would notice: told at the start of every command.
package enum HostWarnings {
    /// Writes each warning on rank 0's standard error, a line for all ranks that it concerns. Every rank must call it.
    static func show(_ configuration: RunConfiguration, _ world: Communicator) throws {
        let own = [precisionWarning(configuration.precision, configuration.precision.support)]
        let all = try world.allGather(own.compactMap(\.self).joined(separator: "\n"))
        guard world.rank == 0 else { return }
        for line in lines(byRank: all) {
            _ = Array("crsam-dist: warning: \(line)\n".utf8).withUnsafeBytes {
                write(STDERR_FILENO, $0.baseAddress, $0.count)
            }
        }
    }

    /// - Parameter texts: of each rank, a warning a line.
    package static func lines(byRank texts: [String]) -> [String] {
        var found: [(text: String, ranks: [Int])] = []
        for (rank, text) in texts.enumerated() {
            for line in text.split(separator: "\n").map(String.init) {
                if let known = found.firstIndex(where: { $0.text == line }) {
                    found[known].ranks.append(rank)
                } else {
                    found.append((line, [rank]))
                }
            }
        }
        return found.map { text, ranks in
            let others = ranks.count - 1
            return "rank \(ranks[0])\(others > 0 ? " and \(others) other\(others == 1 ? "" : "s")" : ""): \(text)"
        }
    }

    package static func precisionWarning(_ precision: Precision, _ support: Precision.Support) -> String? {
        guard support == .emulated else { return nil }
        return
            "--precision \(precision.rawValue) is emulated, as this processor has no bfloat16 instructions: expect at best the "
            + "speed of --precision float32"
    }
}
