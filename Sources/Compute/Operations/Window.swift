/// Side, step and margin of a square window.
struct Window {
    let kernel: Int
    let stride: Int
    let padding: Int

    var kernels: [Int64] { [Int64(kernel), Int64(kernel)] }
    var strides: [Int64] { [Int64(stride), Int64(stride)] }
    var paddings: [Int64] { [Int64(padding), Int64(padding)] }
}

extension Graph {
    /// The shape of what a window that moves over an image of `shape` computes: `[channels, (H + 2·padding −
    /// kernel)/stride + 1, …]`.
    func imageShape(_ shape: [Int], _ channels: Int, kernel: Int, stride: Int, padding: Int) -> [Int] {
        let sides = shape[1...].map { ($0 + 2 * padding - kernel) / stride + 1 }
        precondition(sides.allSatisfy { $0 > 0 }, "a window of \(kernel) does not fit into \(shape)")
        return [channels] + sides
    }
}
