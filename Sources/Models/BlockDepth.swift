/// Counts a network's residual blocks, for what grows with depth.
struct BlockDepth {
    private let blocks: Int
    private let dropPath: Double
    private var index = 0

    init(_ blocks: Int, _ options: ModelOptions) {
        self.blocks = blocks
        dropPath = options.dropPath
    }

    /// The next block's rate of stochastic depth, from 0 in the first to the option's in the last, as timm's.
    mutating func nextDropPath() -> Float {
        defer { index += 1 }
        return blocks > 1 ? Float(dropPath * Double(index) / Double(blocks - 1)) : 0
    }
}
