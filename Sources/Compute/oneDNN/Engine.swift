import COneDNN
import Glibc

/// oneDNN's CPU engine and the one stream on which a process runs its primitives.
package final class Engine {
    let handle: dnnl_engine_t
    let stream: dnnl_stream_t

    package init() throws(DNNLError) {
        var engine: dnnl_engine_t?
        try check(dnnl_engine_create(&engine, dnnl_cpu, 0), "create the CPU engine")
        guard let engine else { throw DNNLError(status: 5, call: "create the CPU engine") }
        var stream: dnnl_stream_t?
        let flags = dnnl_stream_default_flags.rawValue
        let status = dnnl_stream_create(&stream, engine, flags)
        guard let stream else {
            dnnl_engine_destroy(engine)
            throw DNNLError(status: Int32(bitPattern: status.rawValue), call: "create a stream")
        }
        handle = engine
        self.stream = stream
    }

    deinit {
        dnnl_stream_destroy(stream)
        dnnl_engine_destroy(handle)
    }
}

extension Network {
    /// The name and version of the library that computes it, such as `oneDNN 2.6.0`.
    package static var libraryName: String {
        guard let version = dnnl_version()?.pointee else { return "oneDNN" }
        return "oneDNN \(version.major).\(version.minor).\(version.patch)"
    }

    /// The instructions that it uses, such as `avx512_core`, with the variable that may lower them where it is set.
    package static var instructionSet: String {
        let name = String(cString: cdnn_instruction_set())
        let prefix = "cpu_isa_"
        let short = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
        return short + (Precision.processorCap.map { " (with \($0))" } ?? "")
    }

    /// Whether it may use vectors of eight floats and fused multiply-adds, for which its kernels and ours are written.
    package static var hasAVX2: Bool { Precision.has(dnnl_cpu_isa_avx2) }
}

extension Precision {
    /// What this processor makes of a precision.
    package enum Support: Sendable { case native, emulated, none }

    /// By the instruction set that oneDNN may use (`ONEDNN_MAX_CPU_ISA` lowers it).
    package var support: Support {
        if self == .float32 { return .native }
        return Self.has(dnnl_cpu_isa_avx512_core_bf16)
            ? .native : Self.has(dnnl_cpu_isa_avx512_core) ? .emulated : .none
    }

    /// The variable that lowers it, as it is set; nil where none is.
    package static var processorCap: String? {
        for name in ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"] {
            if let value = getenv(name) { return "\(name)=\(String(cString: value))" }
        }
        return nil
    }

    /// Whether bfloat16's products run on units of their own (AMX), many times as fast as float32's, not twice.
    package static let hasMatrixUnits = has(dnnl_cpu_isa_avx512_core_amx)

    /// Whether oneDNN's kernels may use these instructions.
    static func has(_ wanted: dnnl_cpu_isa_t) -> Bool {
        dnnl_get_effective_cpu_isa().rawValue & wanted.rawValue == wanted.rawValue
    }
}

/// The threads that one process gives to oneDNN. To be set before the first plan is made.
package enum ComputeThreads {
    package static func set(_ count: Int32) { cdnn_set_threads(count) }

    /// By `OMP_THREAD_LIMIT`.
    package static var limit: Int { Int(cdnn_thread_limit()) }

    /// Starts them, which otherwise happens in the first plan's first operation. Returns 0, or an errno.
    package static func start(_ count: Int32) -> Int32 { cdnn_start_threads(count, stackBytes) }

    /// Addresses for the stack of each thread but the first: `OMP_STACKSIZE` or what the system gives.
    package static var stackBytes: Int {
        for name in ["OMP_STACKSIZE", "GOMP_STACKSIZE"] {
            if let bytes = getenv(name).flatMap({ stackBytes(String(cString: $0)) }) { return bytes }
        }
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_STACK.rawValue), &limit) == 0, limit.rlim_cur != rlim_t.max else {
            return 8 << 20
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Of OpenMP's form: a number of kilobytes, or with B, K, M or G behind it. nil for what OpenMP ignores.
    package static func stackBytes(_ text: String) -> Int? {
        let text = text.filter { !$0.isWhitespace }.uppercased()
        let shift = ["B": 0, "K": 10, "M": 20, "G": 30][text.suffix(1)]
        guard let number = Int(shift == nil ? text[...] : text.dropLast()), number > 0 else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << (shift ?? 10))
        return overflow ? nil : bytes
    }

    /// Processors that they may run on, by what the process is bound to.
    package static var processors: Int { Int(cdnn_processors()) }
}
