import CKernels
import COneDNN
import Vectors

/// The gradient of a first layer's weights by direct sums of our own (`CKernels/PixelGradient.h`), in float32.
///
/// Of one or two channels of pixels oneDNN's kernels for AVX2 make eight, the others zeros, and take three to four
/// times as long; of three they take 1.3 times as long for a window of 7x7. Elsewhere, and with AVX-512, they are no
/// slower.
struct PixelGradient: ConvolutionAlgorithm {
    let name: String
    let shape: ConvolutionShape
    private let kernelShape: cpg_shape

    /// Images whose sums one thread computes.
    private static let imagesPerPart = 8

    static func takes(_ shape: ConvolutionShape) -> Bool {
        OwnWinograd.lanes == 8 && (shape.input[0] < 3 || shape.input[0] == 3 && shape.window.kernel > 3)
            && shape.output[0].isMultiple(of: TensorLayout.channelBlock)
    }

    init(_ name: String, _ shape: ConvolutionShape) {
        self.name = name
        self.shape = shape
        kernelShape = cpg_shape(
            inputs: Int32(shape.input[0]), height: Int32(shape.input[1]), width: Int32(shape.input[2]),
            outputs: Int32(shape.output[0]), result_height: Int32(shape.output[1]),
            result_width: Int32(shape.output[2]), kernel: Int32(shape.window.kernel),
            stride: Int32(shape.window.stride), padding: Int32(shape.window.padding))
    }

    func emitForward(
        _ builder: PlanBuilder, _ source: Operand, weights: Operand, bias: Operand?, writing written: Precision
    ) throws -> Operand? { nil }

    func emitBackwardData(
        _ builder: PlanBuilder, _ gradient: Operand, weights: Operand, as wanted: DataLayout
    ) throws -> Operand? { nil }

    func emitBackwardWeights(
        _ builder: PlanBuilder, _ source: Operand, _ gradient: Operand, weights: TensorLayout.Entry,
        bias: TensorLayout.Entry?
    ) throws -> Bool {
        if bias != nil { return false }
        let images = try builder.reordered(name, source, to: .plain([shape.batch] + shape.input))
        let gradient = try builder.reordered(name, gradient, to: .inChannelBlocks([shape.batch] + shape.output))
        let result = builder.parameterGradient(try .stored(weights), at: weights.offset)
        let batch = shape.batch
        let parts = (batch + Self.imagesPerPart - 1) / Self.imagesPerPart
        let scratchCount = withUnsafePointer(to: kernelShape) { cpg_scratch_count($0) }
        let scratch = try builder.allocate([parts, scratchCount])
        let partial = try builder.allocate([parts, weights.count])
        let (imageCount, gradientCount) = (shape.input.reduce(1, *), shape.output.reduce(1, *))
        builder.kernel(
            "\(name) backward weights", kind: "convolution backward weights", touching: [images, gradient, partial],
            scratch: scratch, operations: shape.operations, parts: parts
        ) { [kernelShape] context, part in
            let first = part * Self.imagesPerPart
            withUnsafePointer(to: kernelShape) {
                cpg_run(
                    $0, context.floats(images) + first * imageCount,
                    context.floats(gradient) + first * gradientCount, Int32(min(Self.imagesPerPart, batch - first)),
                    context.floats(partial) + part * weights.count, context.floats(scratch) + part * scratchCount)
            }
        }
        let sums = try builder.allocate([weights.count])
        emitColumnSums(
            builder, "\(name) backward weights", partial, sums, rows: parts, columns: weights.count)
        let (outputs, taps) = (shape.output[0], weights.count / shape.output[0])
        builder.kernel("\(name) gradient", kind: "reorder", touching: [sums, result]) { context in
            let (from, to) = (context.floats(sums), context.floats(result))
            for output in 0..<outputs {
                let block = from + output / 16 * taps * 16 + output % 16
                for tap in 0..<taps { to[output * taps + tap] = block[tap * 16] }
            }
        }
        return true
    }
}
