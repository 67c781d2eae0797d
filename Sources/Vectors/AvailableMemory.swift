import Glibc

/// What memory this process could still take, by every limit that would refuse it or end it.
package struct AvailableMemory: Sendable, Equatable {
    package enum Limit: String, Sendable {
        case data = "the limit on data, ulimit -d"
        /// Also of what is mapped and never touched.
        case addressSpace = "the limit on virtual memory, ulimit -v"
        case machine = "this machine's memory"
        case commitment = "vm.overcommit_memory = 2"
        case cgroup = "the memory limit of its cgroup"

        /// Whether all ranks of a host draw on it.
        package var isShared: Bool { self != .data && self != .addressSpace }
    }

    package struct Bound: Sendable, Equatable {
        package var limit: Limit
        package var bytes: Int

        package init(_ limit: Limit, bytes: Int) {
            self.limit = limit
            self.bytes = bytes
        }
    }

    package var bounds: [Bound]

    package init(bounds: [Bound]) { self.bounds = bounds }

    /// The least that one of `ranks` on this host may take, and by which limit; nil where nothing is known.
    package func tightest(ranks: Int = 1) -> Bound? {
        bounds.map { bound in
            var share = bound
            if bound.limit.isShared { share.bytes /= max(ranks, 1) }
            return share
        }.min { $0.bytes < $1.bytes }
    }

    /// As it is now. Linux grants memory that it does not have and ends a process that uses it, so the free memory of
    /// the machine and of the cgroups counts beside the limits at which a request fails.
    ///
    /// - Parameter root: where `proc` and `sys` lie, for tests.
    package static func now(root: String = "") -> AvailableMemory {
        var bounds: [Bound] = []
        let status = Fields(of: "\(root)/proc/self/status")
        for (kind, limit, used) in [
            (Limit.data, limit(RLIMIT_DATA), "VmData"), (.addressSpace, limit(RLIMIT_AS), "VmSize"),
        ] {
            guard let limit, let used = status[used] else { continue }
            bounds.append(Bound(kind, bytes: max(0, limit - used)))
        }
        let machine = Fields(of: "\(root)/proc/meminfo")
        if let free = machine["MemAvailable"] {
            bounds.append(Bound(.machine, bytes: free + (machine["SwapFree"] ?? 0)))
        }
        if text("\(root)/proc/sys/vm/overcommit_memory")?.first == "2", let limit = machine["CommitLimit"],
            let used = machine["Committed_AS"]
        {
            bounds.append(Bound(.commitment, bytes: max(0, limit - used)))
        }
        if let free = cgroupBytes(root) { bounds.append(Bound(.cgroup, bytes: free)) }
        return AvailableMemory(bounds: bounds)
    }

    /// What this process has written to and the machine must hold for it; 0 where it is not known.
    static func resident(root: String) -> Int { Fields(of: "\(root)/proc/self/status")["RssAnon"] ?? 0 }

    private static func limit(_ resource: __rlimit_resource) -> Int? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max else {
            return nil
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// The least that this process's cgroup and those around it leave; nil without a limit.
    private static func cgroupBytes(_ root: String) -> Int? {
        var least: Int?
        for line in (text("\(root)/proc/self/cgroup") ?? "").split(separator: "\n") {
            // Number, controllers (none in version 2), path.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let isSecond = fields[1].isEmpty
            guard isSecond || fields[1].split(separator: ",").contains("memory") else { continue }
            let names =
                isSecond
                ? (mount: "", limit: "memory.max", usage: "memory.current", prefix: "")
                : (
                    mount: "/memory", limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes",
                    prefix: "total_"
                )
            // A container may see the path of its host, and its own files at the root: what is not there is skipped.
            var parts = fields[2].split(separator: "/")
            while true {
                let folder = (["\(root)/sys/fs/cgroup\(names.mount)"] + parts.map(String.init)).joined(separator: "/")
                if let limit = number(text("\(folder)/\(names.limit)")), limit < 1 << 60,
                    let usage = number(text("\(folder)/\(names.usage)"))
                {
                    // What goes when memory is wanted: cached file pages, also those read twice (active), as a
                    // data set's are by the second run in a job, and the names of files.
                    let statistics = Fields(of: "\(folder)/memory.stat", unit: 1)
                    let cached = ["inactive_file", "active_file", "slab_reclaimable"].reduce(0) {
                        $0 + (statistics[names.prefix + $1] ?? 0)
                    }
                    least = min(least ?? .max, max(0, limit - max(0, usage - cached)))
                }
                if parts.isEmpty { break }
                parts.removeLast()
            }
        }
        return least
    }

    private static func number(_ text: String?) -> Int? {
        text?.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }
    }

    fileprivate static func text(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 16384)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}

/// The kernel's lines of name and number; `Name:  12 kB` unless another unit is given.
private struct Fields {
    private var values: [Substring: Int] = [:]

    init(of path: String, unit: Int = 1024) {
        for line in (AvailableMemory.text(path) ?? "").split(separator: "\n") {
            let words = line.split { $0 == ":" || $0 == " " || $0 == "\t" }
            if words.count > 1, let number = Int(words[1]) { values[words[0]] = number * unit }
        }
    }

    subscript(name: String) -> Int? { values[Substring(name)] }
}
