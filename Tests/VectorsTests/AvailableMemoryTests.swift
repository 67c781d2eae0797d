import Foundation
import Testing
import Vectors

@Suite struct AvailableMemoryTests {
    /// A folder with the kernel's files, removed at the end.
    private final class Kernel {
        let root = NSTemporaryDirectory() + "crsam-dist-memory-" + UUID().uuidString

        init(_ files: [String: String]) throws {
            for (path, text) in files { try write(path, text) }
        }

        func write(_ path: String, _ text: String) throws {
            let file = URL(fileURLWithPath: "\(root)/\(path)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }

        deinit { try? FileManager.default.removeItem(atPath: root) }

        func bytes(_ limit: AvailableMemory.Limit) -> Int? {
            AvailableMemory.now(root: root).bounds.first { $0.limit == limit }?.bytes
        }
    }

    @Test func `the machine's free memory and swap count, not all that it has`() throws {
        let kernel = try Kernel([
            "proc/meminfo": "MemTotal:       1000 kB\nMemAvailable:    300 kB\nSwapTotal:  50 kB\nSwapFree:   20 kB\n"
        ])
        #expect(kernel.bytes(.machine) == 320 << 10)
        #expect(kernel.bytes(.commitment) == nil)
        #expect(kernel.bytes(.cgroup) == nil)
    }

    @Test func `strict accounting leaves what is not yet promised`() throws {
        let meminfo = "MemAvailable: 900 kB\nCommitLimit: 500 kB\nCommitted_AS: 420 kB\n"
        let strict = try Kernel(["proc/meminfo": meminfo, "proc/sys/vm/overcommit_memory": "2\n"])
        #expect(strict.bytes(.commitment) == 80 << 10)
        let lax = try Kernel(["proc/meminfo": meminfo, "proc/sys/vm/overcommit_memory": "0\n"])
        #expect(lax.bytes(.commitment) == nil)
    }

    @Test func `of a cgroup and those around it the one that leaves least counts; cached files are free`() throws {
        let kernel = try Kernel([
            "proc/self/cgroup": "0::/job/step\n",
            "sys/fs/cgroup/job/memory.max": "1000\n", "sys/fs/cgroup/job/memory.current": "900\n",
            "sys/fs/cgroup/job/memory.stat": "anon 300\ninactive_file 500\n",
            "sys/fs/cgroup/job/step/memory.max": "max\n", "sys/fs/cgroup/job/step/memory.current": "100\n",
        ])
        #expect(kernel.bytes(.cgroup) == 600)
        let inner = try Kernel([
            "proc/self/cgroup": "0::/job/step\n",
            "sys/fs/cgroup/job/memory.max": "1000\n", "sys/fs/cgroup/job/memory.current": "0\n",
            "sys/fs/cgroup/job/step/memory.max": "100\n", "sys/fs/cgroup/job/step/memory.current": "70\n",
        ])
        #expect(inner.bytes(.cgroup) == 30)
    }

    @Test(arguments: ["inactive_file", "active_file", "slab_reclaimable"])
    func `what the kernel takes back counts as free`(kind: String) throws {
        let kernel = try Kernel([
            "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1000\n",
            "sys/fs/cgroup/memory.current": "900\n", "sys/fs/cgroup/memory.stat": "anon 100\n\(kind) 800\n",
        ])
        #expect(kernel.bytes(.cgroup) == 900)
    }

    @Test func `a container that sees the host's path has its own limit at the root`() throws {
        let kernel = try Kernel([
            "proc/self/cgroup": "9:name=systemd:/docker/x\n4:cpu,memory:/docker/x\n0::/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "5000\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "4000\n",
            "sys/fs/cgroup/memory/memory.stat":
                "inactive_file 1\ntotal_inactive_file 100\nactive_file 2\ntotal_active_file 200\n",
        ])
        #expect(kernel.bytes(.cgroup) == 1300)
    }

    @Test func `a rank's share does not depend on what the others have taken since`() throws {
        let kernel = try Kernel([
            "proc/meminfo": "MemAvailable: 400000 kB\n", "proc/self/status": "RssAnon: 10000 kB\n",
        ])
        let share = MemoryShare(ranks: 4, root: kernel.root)
        // The others have taken all of theirs, this one 30 of its 100 MiB.
        try kernel.write("proc/meminfo", "MemAvailable: 70000 kB\n")
        try kernel.write("proc/self/status", "RssAnon: 40000 kB\n")
        try share.check(MemoryNeed("images", 70_000 << 10), remedy: "use less")
        let shortage = #expect(throws: MemoryShortage.self) {
            try share.check(MemoryNeed("images", 70_001 << 10), remedy: "use less")
        }
        #expect(shortage?.ranks == 4)
        #expect(shortage?.bound == .init(.machine, bytes: 70_000 << 10))
    }

    @Test func `version 1's number for no limit is none`() throws {
        let kernel = try Kernel([
            "proc/self/cgroup": "4:memory:/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "4000\n",
        ])
        #expect(kernel.bytes(.cgroup) == nil)
    }

    @Test func `this process has room, by every limit that is known`() {
        #expect((AvailableMemory.now().tightest()?.bytes ?? 0) > 1 << 20)
    }

    @Test func `a shortage names what is needed, for what, by which limit, and the remedy`() throws {
        var need = MemoryNeed("2 vectors", 300_000_000)
        need.add("activations", 2_000_000_000)
        need.add("nothing", 0)
        need.add("a little", 900_000)
        need.add("a little more", 1_500_000)
        let available = AvailableMemory(bounds: [
            .init(.machine, bytes: 3_000_000_000), .init(.data, bytes: 2_400_000_000),
        ])
        try need.check(available, remedy: "more")
        let shared = #expect(throws: MemoryShortage.self) { try need.check(available, ranks: 2, remedy: "use less") }
        #expect(
            shared?.description
                == "needs 2.4 GB of memory: 2.0 GB for activations, 300 MB for 2 vectors, 3 MB besides; only 1.5 GB "
                + "can be had for each of "
                + "its 2 ranks by this machine's memory: use less")
        let own = #expect(throws: MemoryShortage.self) {
            try MemoryNeed("images", 1).check(.init(bounds: [.init(.data, bytes: 0)]), ranks: 2, remedy: "use less")
        }
        #expect(
            own?.description
                == "needs 1 MB for images; only 0 MB can be had by the limit on data, ulimit -d: use less, or raise "
                + "the limit"
        )
    }
}
