import Vectors

/// The three computations of a convolution.
enum ConvolutionDirection: String, CaseIterable {
    case forward
    case backwardData = "backward data"
    case backwardWeights = "backward weights"
}

/// The sizes of a convolution over a batch, which alone decide how it is computed: all ranks and runs agree.
struct ConvolutionShape {
    let batch: Int
    /// Channels, height, width.
    let input: [Int]
    let output: [Int]
    let window: Window

    /// Outputs, inputs, height, width.
    var weights: [Int] { [output[0], input[0], window.kernel, window.kernel] }

    /// The smaller count of both sides.
    var channels: Int { min(input[0], output[0]) }

    /// Tiles of 4x4 results in the batch.
    var tiles: Int { batch * ((output[1] + 3) / 4) * ((output[2] + 3) / 4) }

    /// Multiplications of direct summation over those of F(4x4, 3x3): 4 where tiles are full of results, less where
    /// they hang over the edge.
    var savedByTiles: Double { Double(9 * batch * output[1] * output[2]) / Double(36 * tiles) }

    /// Floating-point operations of a direct convolution in each direction, by which breakdowns compare algorithms: two
    /// for each result and weight of its channel.
    var operations: Double {
        2 * Double(batch * output.reduce(1, *)) * Double(weights.dropFirst().reduce(1, *))
    }

    /// Whether Winograd's F(4x4, 3x3) can compute it and results have the images' sides.
    var isWinogradWindow: Bool { window.kernel == 3 && window.stride == 1 && window.padding == 1 }
}

/// A way to compute a convolution. ``ConvolutionChoice`` says which is used where.
///
/// Images are in whatever order their producer left, weights and their gradient in the flat vector's. An algorithm
/// emits what it needs, reorders included, or nothing and returns nil (false) where it has no kernel for the operands.
protocol ConvolutionAlgorithm {
    /// y = w ∗ x (+ b), computed in the precision of `source`.
    ///
    /// - Parameter written: the precision that y is written in; float32 where x is.
    /// - Returns: y, in the order that the algorithm likes best.
    func emitForward(
        _ builder: PlanBuilder, _ source: Operand, weights: Operand, bias: Operand?, writing written: Precision
    ) throws -> Operand?

    /// ∂x, computed in the precision of `gradient`, which is ∂y.
    ///
    /// - Parameter wanted: the layout of x with the precision that ∂x is written in. The result may have another order.
    func emitBackwardData(
        _ builder: PlanBuilder, _ gradient: Operand, weights: Operand, as wanted: DataLayout
    ) throws -> Operand?

    /// ∂w and, with a bias, ∂b, from x and ∂y of one precision.
    func emitBackwardWeights(
        _ builder: PlanBuilder, _ source: Operand, _ gradient: Operand, weights: TensorLayout.Entry,
        bias: TensorLayout.Entry?
    ) throws -> Bool
}
