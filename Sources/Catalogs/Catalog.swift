import Synchronization

/// Something that users choose by name.
package protocol CatalogEntry: Sendable {
    /// As it is written into files.
    var name: String { get }
    /// Other names for it.
    var aliases: [String] { get }
}

extension CatalogEntry {
    package var aliases: [String] { [] }
}

/// The things of one kind that users choose by name: models, data sets, transforms, optimizers.
///
/// Help and error texts read it, so that a new thing is one row. A program that is not part of this package adds its
/// own before the first configuration is read.
package final class Catalog<Entry: CatalogEntry>: Sendable {
    /// As in "unknown model".
    package let kind: String
    private let rows: Mutex<[Entry]>

    package init(_ kind: String, _ entries: [Entry]) {
        self.kind = kind
        rows = Mutex(entries)
    }

    /// In the order of the help.
    package var entries: [Entry] { rows.withLock { $0 } }

    package var names: [String] { entries.map(\.name) }

    /// Adds an entry, in place of one of its name.
    package func add(_ entry: Entry) {
        rows.withLock { rows in
            rows.removeAll { $0.name == entry.name }
            rows.append(entry)
        }
    }

    /// The entry of this name, or alias; upper case, hyphens, underscores, slashes, dots and white space do not count.
    package func entry(_ name: String) throws(UnknownName) -> Entry {
        let sought = Self.plain(name)
        let match = entries.first { entry in ([entry.name] + entry.aliases).contains { Self.plain($0) == sought } }
        guard let match else { throw UnknownName(kind: kind, name: name, known: names) }
        return match
    }

    private static func plain(_ name: String) -> String {
        name.lowercased().filter { !$0.isWhitespace && !"-_/.".contains($0) }
    }
}

/// A name that a catalog does not have.
package struct UnknownName: Error, Equatable, CustomStringConvertible {
    package let kind: String
    package let name: String
    package let known: [String]

    package init(kind: String, name: String, known: [String]) {
        (self.kind, self.name, self.known) = (kind, name, known)
    }

    package var description: String {
        "unknown \(kind) '\(name)': the catalog has \(known.joined(separator: ", "))"
    }
}
