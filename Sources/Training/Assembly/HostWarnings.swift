import Collectives
import Compute
import Files
import Glibc

/// What makes a run slower on its hosts than it was meant to be, and nobody would notice: reported at the start of
/// every command.
package enum HostWarnings {
    /// Writes each warning on rank 0's standard error, a line for all ranks that it concerns. Every rank must call it.
    ///
    /// - Parameter isLaunched: whether mpirun or srun started this process.
    package static func show(_ configuration: RunConfiguration, isLaunched: Bool, _ world: Communicator) throws {
        let own = [
            precisionWarning(
                configuration.precision, configuration.precision.support, cap: Precision.processorCap),
            processorWarning(hasAVX2: Network.hasAVX2, cap: Precision.processorCap),
            threadsWarning(configuration.threads, on: ProcessorBinding(isLaunched: isLaunched)),
        ]
        if world.rank == 0 { for line in configuration.warnings { log.warning("\(line)") } }
        try show(own, world)
    }

    /// The same of this rank's own warnings.
    package static func show(_ own: [String?], _ world: Communicator) throws {
        let all = try world.allGather(own.compactMap(\.self).joined(separator: "\n"))
        guard world.rank == 0 else { return }
        for line in lines(byRank: all) { log.warning("\(line)") }
    }

    /// - Parameter texts: of each rank, a warning a line.
    package static func lines(byRank texts: [String]) -> [String] {
        var warnings: [(text: String, ranks: [Int])] = []
        for (rank, text) in texts.enumerated() {
            for line in text.split(separator: "\n").map(String.init) {
                if let known = warnings.firstIndex(where: { $0.text == line }) {
                    warnings[known].ranks.append(rank)
                } else {
                    warnings.append((line, [rank]))
                }
            }
        }
        return warnings.map { text, ranks in
            let others = ranks.count - 1
            return "rank \(ranks[0])\(others > 0 ? " and \(others) other\(others == 1 ? "" : "s")" : ""): \(text)"
        }
    }

    /// - Parameter cap: what keeps oneDNN from some of the processor's instructions.
    package static func precisionWarning(
        _ precision: Precision, _ support: Precision.Support, cap: String? = nil
    ) -> String? {
        guard support == .emulated else { return nil }
        let reason = cap.map { "\($0) hides bfloat16 instructions, if this processor has any" }
        return
            "--precision \(precision.rawValue) is emulated, as "
            + "\(reason ?? "this processor has no bfloat16 instructions"): "
            + "expect at best the speed of --precision float32"
    }

    /// - Parameter cap: what keeps oneDNN from some of the processor's instructions.
    package static func processorWarning(hasAVX2: Bool, cap: String? = nil) -> String? {
        guard !hasAVX2 else { return nil }
        let reason = cap.map { "\($0) hides AVX2, if this processor has it" } ?? "this processor has no AVX2"
        return "\(reason): expect a step to take three to six times as long as with it"
    }

    /// - Parameter kernels: in a command's programs.
    package static func slowKernelsWarning(_ kernels: [SlowKernels]) -> String? {
        guard let slow = kernels.max(by: { $0.share < $1.share }) else { return nil }
        let others = slow.others > 0 ? " and \(slow.others) other operation\(slow.others == 1 ? "" : "s") have" : " has"
        return
            "\(slow.label) (\(slow.implementation))\(others) no fast kernel in this oneDNN on this processor and will "
            + "take about "
            + "\(Int((100 * slow.share).rounded())) % of the time: use a newer oneDNN, a processor with AVX-512 or "
            + "another --model, "
            + "and unset ONEDNN_MAX_CPU_ISA where it is set"
    }

    package static func threadsWarning(_ threads: Int, on binding: ProcessorBinding) -> String? {
        let places = binding.usable
        guard threads > places else { return nil }
        let kind = binding.areCores ? "core" : "processor"
        let remedy =
            binding.isLaunched
            ? "start with mpirun --bind-to none or --map-by slot:PE=\(threads), or use --threads \(places)"
            : "allow it more (taskset, cgroup), or use --threads \(places)"
        return
            "--threads \(threads) share \(places) \(kind)\(places == 1 ? "" : "s"), all that this rank may run on: "
            + "\(remedy)"
    }
}

/// What a rank may run on.
package struct ProcessorBinding: Sendable {
    /// That this process may use, of those that the host has.
    package var processors: Int
    package var online: Int
    /// Hardware threads of one core.
    package var threadsPerCore: Int
    /// By mpirun or srun, which bind a rank to whole cores unless an option changes that.
    package var isLaunched: Bool

    package init(processors: Int, online: Int, threadsPerCore: Int, isLaunched: Bool) {
        self.processors = processors
        self.online = online
        self.threadsPerCore = threadsPerCore
        self.isLaunched = isLaunched
    }

    /// Of this process.
    package init(isLaunched: Bool) {
        self.init(
            processors: ComputeThreads.processors, online: sysconf(Int32(_SC_NPROCESSORS_ONLN)),
            threadsPerCore: Self.siblingsOfFirst(), isLaunched: isLaunched)
    }

    /// Whether ``usable`` counts cores: of a rank that the launcher has bound, whose hardware threads are no gain to
    /// kernels.
    package var areCores: Bool { isLaunched && processors < online && threadsPerCore > 1 }

    /// Places for threads that do not slow each other.
    package var usable: Int { max(areCores ? processors / threadsPerCore : processors, 1) }

    /// Hardware threads of the host's first core, which stands for all; 1 where the kernel does not say.
    private static func siblingsOfFirst() -> Int {
        count(list: FileSystem.systemText("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list"))
    }

    /// Members of the kernel's list of numbers and ranges, such as `0,64` or `0-1`; 1 for what is none.
    package static func count(list: String) -> Int {
        let counts = list.split(whereSeparator: { $0 == "," || $0.isWhitespace }).map { part in
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, last >= first else { return 0 }
            return last - first + 1
        }
        return max(counts.reduce(0, +), 1)
    }
}
