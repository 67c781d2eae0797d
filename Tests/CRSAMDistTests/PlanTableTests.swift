import CRSAMDist
import Compute
import Testing
import Training

@Suite struct PlanTableTests {
    private func lines(_ model: String, _ policy: ConvolutionPolicy = .auto) throws -> [String] {
        var configuration = RunConfiguration()
        configuration.model = model
        configuration.batchSize = 8
        configuration.convolution = policy
        return try PlanTable(configuration, channels: 1, classes: 10).text.split(
            separator: "\n", omittingEmptySubsequences: false
        ).map(String.init)
    }

    @Test func `a line has layer, kind, kernel, orders and sizes of an instruction`() throws {
        let lines = try lines("resnet8", .direct)
        #expect(
            lines[0].split(separator: "  ").map { $0.trimmingPrefix(" ") }.joined(separator: "|")
                == "layer and direction|kind|kernel|operands|Mflop|MB")
        // 8 images of 16 x 32 x 32, a direct multiply-add of 9 pixels each: 2.36 million operations.
        let first = try #require(lines.first { $0.hasPrefix("conv1 forward ") })
        #expect(first.contains("convolution forward") && first.contains("src:abcd") && first.contains(" 2.4 "))
        #expect(lines.contains { $0.hasPrefix("loss ") && $0.contains(" ours ") })
        #expect(lines.contains { $0.hasPrefix("layer1.0.conv1 backward weights ") })
        #expect(Array(lines.suffix(2)) == ["", "reference kernels: none"])
    }

    @Test func `reference kernels are counted and their share estimated, however small`() throws {
        let slow = SlowKernels(
            [
                .init(label: "conv1", implementation: "jit:avx2", operations: 1e9, bytes: 1e7),
                .init(label: "softmax", implementation: "ref:any", operations: 0, bytes: 1e4),
            ], leastShare: 0)
        #expect(try #require(slow).share < 0.001)
    }
}
