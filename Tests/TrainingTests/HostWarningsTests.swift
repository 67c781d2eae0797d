import Compute
import Testing
import Training

@Suite struct HostWarningsTests {
    /// Of a host with 8 processors.
    private func warning(
        threads: Int, processors: Int, threadsPerCore: Int = 1, isLaunched: Bool = true
    ) -> String? {
        HostWarnings.threadsWarning(
            threads,
            on: ProcessorBinding(
                processors: processors, online: 8, threadsPerCore: threadsPerCore, isLaunched: isLaunched))
    }

    @Test func `threads that have a processor each are no matter for a warning`() {
        #expect(warning(threads: 1, processors: 1) == nil)
        #expect(warning(threads: 2, processors: 2) == nil)
        #expect(warning(threads: 8, processors: 8, threadsPerCore: 2) == nil, "an unbound rank may use all it has")
        #expect(warning(threads: 2, processors: 4, threadsPerCore: 2) == nil)
        #expect(warning(threads: 2, processors: 2, threadsPerCore: 2, isLaunched: false) == nil, "someone's own choice")
    }

    @Test func `threads that share processors get a warning with the flag that helps`() {
        #expect(
            warning(threads: 2, processors: 1)
                == "--threads 2 share 1 processor, all that this rank may run on: start with mpirun --bind-to none or "
                + "--map-by slot:PE=2, or use --threads 1")
        #expect(warning(threads: 9, processors: 8)?.hasPrefix("--threads 9 share 8 processors") == true)
        #expect(warning(threads: 2, processors: 2, threadsPerCore: 2)?.hasPrefix("--threads 2 share 1 core,") == true)
        #expect(warning(threads: 2, processors: 1, isLaunched: false)?.contains("taskset") == true)
    }

    @Test(arguments: [("0\n", 1), ("0,64\n", 2), ("0-1\n", 2), ("0-3,8-11\n", 8), ("", 1), ("x", 1), ("3-1", 1)])
    func `the kernel's lists are counted`(list: String, count: Int) {
        #expect(ProcessorBinding.count(list: list) == count)
    }

    @Test func `bfloat16 gets a warning where it is emulated, and only there`() {
        #expect(HostWarnings.precisionWarning(.float32, .native) == nil)
        #expect(HostWarnings.precisionWarning(.bfloat16, .native) == nil)
        #expect(
            HostWarnings.precisionWarning(.bfloat16, .emulated)?.hasPrefix("--precision bfloat16 is emulated") == true)
    }

    @Test func `a processor without AVX2 works, and one line says what to expect`() {
        #expect(HostWarnings.processorWarning(hasAVX2: true) == nil)
        #expect(
            HostWarnings.processorWarning(hasAVX2: false)
                == "this processor has no AVX2: expect a step to take three to six times as long as with it")
        #expect(
            HostWarnings.processorWarning(hasAVX2: false, cap: "DNNL_MAX_CPU_ISA=AVX")?
                .hasPrefix("DNNL_MAX_CPU_ISA=AVX hides AVX2, if this processor has it: expect") == true)
    }

    @Test func `ranks with the same warning share a line`() {
        #expect(HostWarnings.lines(byRank: ["", "", ""]) == [])
        #expect(
            HostWarnings.lines(byRank: ["a", "a\nb", "", "a"]) == ["rank 0 and 2 others: a", "rank 1: b"])
    }

    @Test func `a plan with a slow kernel gets a warning with its layer, its share and what helps`() throws {
        func work(_ label: String, _ implementation: String, _ operations: Double) -> SlowKernels.Work {
            .init(label: label, implementation: implementation, operations: operations, bytes: 0)
        }
        let fast = work("conv2 forward", "jit:avx2", 1e9)
        let evaluation = try #require(SlowKernels([fast, work("conv1 forward", "ref:any", 1e6)]))
        let training = try #require(
            SlowKernels([
                fast, work("conv1 backward weights", "ref:any", 2e6), work("conv1 forward", "ref:any", 1e6),
            ]))
        let warning =
            "conv1 backward weights (ref:any) and 1 other operation have no fast kernel in this oneDNN on this "
        #expect(
            HostWarnings.slowKernelsWarning([evaluation, training])
                == warning
                + "processor and will take about 82 % of the time: use a newer oneDNN, a processor with AVX-512 or "
                + "another --model, and unset ONEDNN_MAX_CPU_ISA where it is set")
        #expect(HostWarnings.slowKernelsWarning([evaluation])?.hasPrefix("conv1 forward (ref:any) has no fast") == true)
        #expect(HostWarnings.slowKernelsWarning([]) == nil)
    }
}
