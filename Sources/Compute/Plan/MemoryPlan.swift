/// Places buffers in one arena so that two share memory only where their uses do not overlap in time.
///
/// Greedy by size, largest first, each at the lowest offset that fits (Pisarchyk and Lee, "Efficient memory management
/// for deep neural net inference", 2020, section 5.2).
struct MemoryPlan {
    static let alignment = 64
    private(set) var byteCount = 0

    init(placing buffers: [ArenaBuffer]) {
        let used = buffers.filter { $0.firstUse <= $0.lastUse }
        var placed: [ArenaBuffer] = []
        for buffer in used.sorted(by: { ($0.byteCount, $1.firstUse) > ($1.byteCount, $0.firstUse) }) {
            let conflicts = placed.filter { $0.firstUse <= buffer.lastUse && buffer.firstUse <= $0.lastUse }
                .sorted { $0.offset < $1.offset }
            var offset = 0
            for other in conflicts {
                if offset + buffer.byteCount <= other.offset { break }
                offset = max(offset, Self.aligned(other.offset + other.byteCount))
            }
            buffer.offset = offset
            byteCount = max(byteCount, offset + buffer.byteCount)
            placed.append(buffer)
        }
    }

    private static func aligned(_ bytes: Int) -> Int { (bytes + alignment - 1) / alignment * alignment }
}
