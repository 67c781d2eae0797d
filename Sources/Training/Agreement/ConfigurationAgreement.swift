import Collectives
import Datasets
import Vectors

/// Ranks that were started with different settings: reported before the first step, by the first field that differs.
package struct ConfigurationDisagreement: Error, Equatable, CustomStringConvertible {
    package let field: String
    /// Value and the ranks that have it, rank 0's first.
    package let values: [(value: String, ranks: [Int])]

    package var description: String {
        let parts = values.map { value, ranks in
            let shown = ranks.prefix(4).map(String.init).joined(separator: ", ") + (ranks.count > 4 ? ", …" : "")
            return "\(value.isEmpty ? "none" : value) on rank\(ranks.count > 1 ? "s" : "") \(shown)"
        }
        return
            "ranks were started with different \(field == "command" ? "commands" : "--\(field)"): "
            + "\(parts.joined(separator: "; ")); start all with the same flags "
            + "and configuration file"
    }

    package static func == (a: Self, b: Self) -> Bool {
        a.field == b.field && a.values.map(\.value) == b.values.map(\.value)
            && a.values.map(\.ranks) == b.values.map(\.ranks)
    }
}

package enum ConfigurationAgreement {
    /// Throws on all ranks alike unless all read the same images and labels, of which it returns the fingerprints.
    /// Every rank must call it.
    @discardableResult
    package static func check(data sets: [any Dataset], _ world: Communicator) throws -> [String] {
        let fingerprints = sets.map { String($0.fingerprint, radix: 16) }
        let values = zip(sets, fingerprints).map { "\($0.count) images with fingerprint \($1)" }
        try check([("data", values.joined(separator: " and "))], world)
        return fingerprints
    }

    /// Throws on all ranks alike unless all were started with the same fields. Every rank must call it.
    ///
    /// - Parameter fields: name and value, in the same order on all ranks.
    package static func check(_ fields: [(name: String, value: String)], _ world: Communicator) throws {
        // Values hold no control characters: these separate fields from each other and names from values.
        let text = fields.map { "\($0.name)\u{1}\($0.value)" }.joined(separator: "\u{2}")
        let all = try world.allGather(text)
        guard all.contains(where: { $0 != all[0] }) else { return }
        let tables = all.map {
            $0.split(separator: "\u{2}").map {
                $0.split(separator: "\u{1}", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            }
        }
        for (index, field) in tables[0].enumerated() {
            let values = tables.map { $0.indices.contains(index) ? ($0[index].last ?? "") : "" }
            guard values.contains(where: { $0 != values[0] }) else { continue }
            var groups: [(value: String, ranks: [Int])] = []
            for (rank, value) in values.enumerated() {
                if let known = groups.firstIndex(where: { $0.value == value }) {
                    groups[known].ranks.append(rank)
                } else {
                    groups.append((value, [rank]))
                }
            }
            throw ConfigurationDisagreement(field: field[0], values: groups)
        }
    }
}
