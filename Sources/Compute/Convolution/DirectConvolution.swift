import COneDNN
import Vectors

/// oneDNN's direct convolution: each result as the sum that defines it. It takes every shape.
struct DirectConvolution: ConvolutionAlgorithm {
    let primitives: OneDNNConvolution

    func emitForward(
        _ builder: PlanBuilder, _ source: Operand, weights: Operand, bias: Operand?, writing written: Precision
    ) throws -> Operand? {
        try primitives.emitForward(
            builder, source, weights: weights, bias: bias, writing: written
        ) { layouts, create in try Network.hasAVX2 ? create(layouts) : .avoidingReference(layouts, create) }
    }

    func emitBackwardData(
        _ builder: PlanBuilder, _ gradient: Operand, weights: Operand, as wanted: DataLayout
    ) throws -> Operand? {
        try primitives.emitBackwardData(
            builder, gradient, weights: weights, as: wanted, avoidingReference)
    }

    func emitBackwardWeights(
        _ builder: PlanBuilder, _ source: Operand, _ gradient: Operand, weights: TensorLayout.Entry,
        bias: TensorLayout.Entry?
    ) throws -> Bool {
        try primitives.emitBackwardWeights(
            builder, source, gradient, weights: weights, bias: bias, avoidingReference)
    }

    private func avoidingReference(
        _ layouts: [DataLayout], _ create: ([DataLayout]) throws -> Primitive
    ) throws -> Primitive {
        mayReorder ? try .avoidingReference(layouts, create) : try create(layouts)
    }

    /// Whether another layout than an operand's is tried where oneDNN has but a reference kernel: below AVX2 always;
    /// else backward to whole blocks of channels from pixels or, without AVX-512, from whole blocks, which is where
    /// models of the catalog need it. Elsewhere another kernel rounds otherwise, and ten steps of AdamW on the small
    /// goldens magnify that beyond their bounds.
    private var mayReorder: Bool {
        if !Network.hasAVX2 { return true }
        let (inputs, outputs) = (primitives.shape.input[0], primitives.shape.output[0])
        guard outputs.isMultiple(of: TensorLayout.channelBlock) else { return false }
        return !primitives.needsDataGradient
            || Precision.bfloat16.support == .none && inputs.isMultiple(of: TensorLayout.channelBlock)
    }
}
