import COneDNN
import Vectors

/// oneDNN's Winograd F(4x4, 3x3) in float32 (Lavin and Gray 2016): for AVX-512, in versions below 3.2. It takes images
/// in blocks of 16 channels.
struct OneDNNWinograd: ConvolutionAlgorithm {
    let primitives: OneDNNConvolution

    /// Whether this processor and version have it.
    static let exists = cdnn_has_winograd() != 0

    func emitForward(
        _ builder: PlanBuilder, _ source: Operand, weights: Operand, bias: Operand?, writing written: Precision
    ) throws -> Operand? {
        try primitives.emitForward(
            builder, dnnl_convolution_winograd, source, weights: weights, bias: bias, writing: written, whereItExists)
    }

    func emitBackwardData(
        _ builder: PlanBuilder, _ gradient: Operand, weights: Operand, as wanted: DataLayout
    ) throws -> Operand? {
        try primitives.emitBackwardData(
            builder, dnnl_convolution_winograd, gradient, weights: weights, as: wanted, whereItExists)
    }

    func emitBackwardWeights(
        _ builder: PlanBuilder, _ source: Operand, _ gradient: Operand, weights: TensorLayout.Entry,
        bias: TensorLayout.Entry?
    ) throws -> Bool {
        try primitives.emitBackwardWeights(
            builder, dnnl_convolution_winograd, source, gradient, weights: weights, bias: bias, whereItExists)
    }

    private func whereItExists(_ layouts: [DataLayout], _ create: ([DataLayout]) throws -> Primitive) -> Primitive? {
        try? create(layouts)
    }
}
