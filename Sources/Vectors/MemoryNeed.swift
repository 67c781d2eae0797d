/// Memory that something is about to take, by purpose. To be checked before any of it is: memory that a limit refuses
/// ends a process in the middle of Swift's, MPI's or oneDNN's code, without a word.
package struct MemoryNeed: Sendable, Equatable {
    package struct Part: Sendable, Equatable {
        /// Such as `activations of 64 samples`.
        package let purpose: String
        package let bytes: Int
    }

    package private(set) var parts: [Part] = []

    package init() {}

    package init(_ purpose: String, _ bytes: Int) { add(purpose, bytes) }

    package mutating func add(_ purpose: String, _ bytes: Int) {
        if bytes > 0 { parts.append(Part(purpose: purpose, bytes: bytes)) }
    }

    package var bytes: Int {
        parts.reduce(0) { sum, part in
            let (total, overflow) = sum.addingReportingOverflow(part.bytes)
            return overflow ? .max : total
        }
    }

    /// The part that takes most.
    package var largest: Part? { parts.max { $0.bytes < $1.bytes } }

    /// - Parameters:
    ///   - ranks: of this host that take the same at the same time.
    ///   - remedy: what the user can do about it.
    package func check(
        _ available: AvailableMemory = .now(), ranks: Int = 1, remedy: String
    ) throws(MemoryShortage) {
        guard let bound = available.tightest(ranks: ranks), bytes > bound.bytes else { return }
        throw MemoryShortage(need: self, bound: bound, ranks: bound.limit.isShared ? ranks : 1, remedy: remedy)
    }
}

/// Memory that this machine, or this process, cannot have.
package struct MemoryShortage: Error, Equatable, CustomStringConvertible {
    package let need: MemoryNeed
    package let bound: AvailableMemory.Bound
    /// That share the bound.
    package let ranks: Int
    /// What the caller can do about it.
    package var remedy: String

    package var description: String {
        // What is small has no say in the matter.
        let (large, small) = (
            need.parts.filter { $0.bytes >= need.bytes / 20 }, need.parts.filter { $0.bytes < need.bytes / 20 }
        )
        var parts = large.sorted { $0.bytes > $1.bytes }.map { "\(Self.text($0.bytes)) for \($0.purpose)" }
        if !small.isEmpty { parts.append("\(Self.text(small.reduce(0) { $0 + $1.bytes })) besides") }
        let whole = parts.count > 1 ? "\(Self.text(need.bytes)) of memory: " : ""
        let share = ranks > 1 ? " for each of its \(ranks) ranks" : ""
        return
            "needs \(whole)\(parts.joined(separator: ", ")); only \(Self.text(bound.bytes, roundingUp: false)) can be "
            + "had"
            + "\(share) by \(bound.limit.rawValue): \(remedy)\(bound.limit == .machine ? "" : ", or raise the limit")"
    }

    /// Whole megabytes, and tenths of larger units.
    private static func text(_ bytes: Int, roundingUp: Bool = true) -> String {
        let (size, unit) = bytes < 1_000_000_000 ? (1_000_000, "MB") : (100_000_000, "GB")
        let count = bytes / size + (roundingUp && bytes % size > 0 ? 1 : 0)
        return unit == "MB" ? "\(count) MB" : "\(count / 10).\(count % 10) GB"
    }
}
