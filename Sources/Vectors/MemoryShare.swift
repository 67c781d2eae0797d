/// What one rank may take of what all ranks of its host draw on, from a moment at which none had begun.
///
/// Ranks that each ask what is free now, and then take it, take together more than there is.
package struct MemoryShare: Sendable {
    private let root: String
    private let ranks: Int
    private let start: AvailableMemory
    private let residentAtStart: Int

    /// - Parameters:
    ///   - ranks: of this host that begin at the same time.
    ///   - root: where `proc` and `sys` lie, for tests.
    package init(ranks: Int = 1, root: String = "") {
        self.root = root
        self.ranks = ranks
        start = .now(root: root)
        residentAtStart = AvailableMemory.resident(root: root)
    }

    /// - Throws: where `need` is more than is left of the share, or of this process's own limits.
    package func check(_ need: MemoryNeed, remedy: String) throws(MemoryShortage) {
        try need.check(available(), ranks: ranks, remedy: remedy)
    }

    /// What all ranks could take if they had taken as much as this one.
    private func available() -> AvailableMemory {
        let now = AvailableMemory.now(root: root)
        guard ranks > 1 else { return now }
        let taken = max(0, AvailableMemory.resident(root: root) - residentAtStart)
        let shared = start.bounds.filter(\.limit.isShared).map {
            AvailableMemory.Bound($0.limit, bytes: max(0, $0.bytes - ranks * taken))
        }
        return AvailableMemory(bounds: now.bounds.filter { !$0.limit.isShared } + shared)
    }
}
