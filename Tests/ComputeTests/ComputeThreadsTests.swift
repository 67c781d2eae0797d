import Compute
import Testing

@Suite struct ComputeThreadsTests {
    @Test(arguments: [
        ("512", 512 << 10), ("64k", 64 << 10), (" 2 G ", 2 << 30), ("16M", 16 << 20), ("1048576B", 1 << 20),
    ])
    func `the size of a stack has OpenMP's units`(text: String, bytes: Int) {
        #expect(ComputeThreads.stackBytes(text) == bytes)
    }

    @Test(arguments: ["", "large", "-1", "0", "2T", "M", "9223372036854775807G"])
    func `what is no size is passed over, as OpenMP does`(text: String) {
        #expect(ComputeThreads.stackBytes(text) == nil)
    }
}
