import Compute
import Testing
import Vectors

@Suite struct SlowKernelsTests {
    private let fast = SlowKernels.Work(
        label: "conv2 forward", implementation: "jit:avx2", operations: 1e9, bytes: 1e7)

    private func slow(
        _ label: String, _ implementation: String = "ref:any", operations: Double = 0, bytes: Double = 0
    ) -> SlowKernels.Work {
        .init(label: label, implementation: implementation, operations: operations, bytes: bytes)
    }

    @Test func `the costliest reference kernel is named, and how many others there are`() throws {
        let slowest = try #require(
            SlowKernels([
                slow("softmax", bytes: 1e7), fast, slow("conv1 backward weights", operations: 1.4e7),
                slow("bn1", "bnorm_ref:any", bytes: 1e6),
            ]))
        #expect(slowest.label == "conv1 backward weights")
        #expect(slowest.implementation == "ref:any")
        #expect(slowest.others == 2)
        #expect(slowest.share > 0.9 && slowest.share < 1)
    }

    @Test(arguments: ["ref:any", "bnorm_ref:any", "gemm:ref", "ref_pooling:any"])
    func `every name of a reference kernel is known`(implementation: String) {
        #expect(SlowKernels([fast, slow("x", implementation, operations: 1e8)]) != nil)
    }

    @Test(arguments: [
        "jit:avx2", "x64:gemm:jit", "brg:avx512_core", "simple_layer_normalization:any", "ncsp_bnorm:any", "jit:uni",
    ])
    func `kernels are no reference`(implementation: String) {
        #expect(SlowKernels([fast, slow("x", implementation, operations: 1e8)]) == nil)
    }

    @Test func `a reference kernel for a few values, and a kernel of ours, are no matter`() {
        let own = SlowKernels.Work(label: "loss", implementation: nil, operations: 0, bytes: 1e9)
        #expect(SlowKernels([fast, slow("softmax of ten classes", bytes: 1e4), own]) == nil)
        #expect(SlowKernels([]) == nil)
    }

    @Test(arguments: [(1, 1), (3, 16), (7, 65), (5, 197), (2, 1000)])
    func `softmax's backward pass is y(g - sum of y g) in each row`(rows: Int, columns: Int) {
        var stream = RandomStream(seed: 3, purpose: .test, index: columns)
        var result: [Double] = []
        let (y, gradient) = (FlatVector(count: rows * columns), FlatVector(count: rows * columns))
        for row in 0..<rows {
            let values = (0..<columns).map { _ in abs(stream.normal()) }
            let sum = values.reduce(0, +)
            for column in 0..<columns {
                y[row * columns + column] = values[column] / sum
                gradient[row * columns + column] = stream.normal()
            }
            let range = row * columns..<(row + 1) * columns
            let mean = range.reduce(0.0) { $0 + Double(y[$1]) * Double(gradient[$1]) }
            result += range.map { Double(y[$0]) * (Double(gradient[$0]) - mean) }
        }
        Kernels.softmaxBackward(y.pointer, rows: rows, columns: columns, gradient: gradient.pointer)
        let norm = result.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let error = zip(gradient.elements, result).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
        #expect(error.squareRoot() <= 2e-7 * norm + 1e-9)
    }
}
