import CKernels
import COneDNN
import Vectors

/// Our own Winograd F(4x4, 3x3) in float32 (`CKernels/Winograd.h`), for AVX2 and AVX-512 and any version of oneDNN.
///
/// Images are in blocks of as many channels as a vector has, which is what oneDNN's kernels choose for them there;
/// weights and their gradient are used as they lie in the flat vector.
struct OwnWinograd: ConvolutionAlgorithm {
    let name: String
    private let shape: cwg_shape
    private let operations: Double

    /// Channels in a vector, by what oneDNN's kernels may use: one variable caps both. 0: there are no kernels.
    static let lanes: Int32 =
        Precision.has(dnnl_cpu_isa_avx512_core) ? cwg_lanes(16) : Precision.has(dnnl_cpu_isa_avx2) ? cwg_lanes(8) : 0

    /// Whether there are kernels for a shape: 3x3 at stride 1 and padding 1 between blocks of 16 channels.
    static func takes(_ shape: ConvolutionShape) -> Bool {
        lanes > 0 && shape.isWinogradWindow
            && [shape.input[0], shape.output[0]].allSatisfy { $0.isMultiple(of: TensorLayout.channelBlock) }
    }

    init(_ name: String, _ shape: ConvolutionShape) {
        self.name = name
        self.shape = cwg_shape(
            batch: Int32(shape.batch), inputs: Int32(shape.input[0]), outputs: Int32(shape.output[0]),
            height: Int32(shape.input[1]), width: Int32(shape.input[2]))
        operations = shape.operations
    }

    func emitForward(
        _ builder: PlanBuilder, _ source: Operand, weights: Operand, bias: Operand?, writing written: Precision
    ) throws -> Operand? {
        let images = try builder.reordered(name, source, to: blocked(shape.inputs))
        let results = builder.allocate(try blocked(shape.outputs))
        let scratch = try scratch(builder, cwg_forward)
        emit(builder, .forward, [images, weights, results] + [bias].compactMap(\.self), scratch) {
            [shape] context, scratch, threads in
            withUnsafePointer(to: shape) {
                cwg_run_forward(
                    $0, Self.lanes, context.floats(images), context.floats(weights), bias.map { context.floats($0) },
                    context.floats(results), scratch, threads, cdnn_parallel)
            }
        }
        return results
    }

    func emitBackwardData(
        _ builder: PlanBuilder, _ gradient: Operand, weights: Operand, as wanted: DataLayout
    ) throws -> Operand? {
        let gradient = try builder.reordered(name, gradient, to: blocked(shape.outputs))
        let result = builder.allocate(try blocked(shape.inputs))
        let scratch = try scratch(builder, cwg_backward_data)
        emit(builder, .backwardData, [gradient, weights, result], scratch) { [shape] context, scratch, threads in
            withUnsafePointer(to: shape) {
                cwg_run_backward_data(
                    $0, Self.lanes, context.floats(gradient), context.floats(weights), context.floats(result), scratch,
                    threads, cdnn_parallel)
            }
        }
        return result
    }

    func emitBackwardWeights(
        _ builder: PlanBuilder, _ source: Operand, _ gradient: Operand, weights: TensorLayout.Entry,
        bias: TensorLayout.Entry?
    ) throws -> Bool {
        let images = try builder.reordered(name, source, to: blocked(shape.inputs))
        let gradient = try builder.reordered(name, gradient, to: blocked(shape.outputs))
        let result = builder.parameterGradient(try .stored(weights), at: weights.offset)
        let scratch = try scratch(builder, cwg_backward_weights)
        emit(builder, .backwardWeights, [images, gradient, result], scratch) { [shape] context, scratch, threads in
            withUnsafePointer(to: shape) {
                cwg_run_backward_weights(
                    $0, Self.lanes, context.floats(images), context.floats(gradient), context.floats(result), scratch,
                    threads, cdnn_parallel)
            }
        }
        if let bias { try emitBackwardBias(builder, gradient, bias) }
        return true
    }

    /// ∂b: sums over the pixels of each block of channels of each image, and then over the images.
    private func emitBackwardBias(_ builder: PlanBuilder, _ gradient: Operand, _ bias: TensorLayout.Entry) throws {
        let (images, channels) = (Int(shape.batch), Int(shape.outputs))
        let (pixels, lanes) = (Int(shape.height * shape.width), Int(Self.lanes))
        let sums = try builder.allocate([images, channels])
        builder.kernel(
            "\(name) backward bias", kind: "bias gradient", touching: [gradient, sums], parts: images
        ) { context, image in
            for block in stride(from: image * channels, to: (image + 1) * channels, by: lanes) {
                Kernels.columnSums(
                    of: context.floats(gradient) + block * pixels, isBFloat16: false, rows: pixels, columns: lanes,
                    into: context.floats(sums) + block)
            }
        }
        let result = try builder.parameterGradient(bias.shape, at: bias.offset)
        emitColumnSums(builder, "\(name) backward bias", sums, result, rows: images, columns: channels)
    }

    private func blocked(_ channels: Int32) throws -> DataLayout {
        try .inChannelBlocks([shape.batch, channels, shape.height, shape.width].map(Int.init))
    }

    private func scratch(_ builder: PlanBuilder, _ direction: cwg_direction) throws -> Operand {
        let bytes = withUnsafePointer(to: shape) { cwg_scratch_bytes($0, direction, Self.lanes, cdnn_threads()) }
        return try builder.allocate([(bytes + 3) / 4])
    }

    private func emit(
        _ builder: PlanBuilder, _ direction: ConvolutionDirection, _ operands: [Operand], _ scratch: Operand,
        _ run: @escaping (RunContext, _ scratch: UnsafeMutableRawPointer, _ threads: Int32) -> Void
    ) {
        // The scratch memory is for as many.
        let threads = cdnn_threads()
        builder.kernel(
            "\(name) \(direction.rawValue)", kind: "convolution \(direction.rawValue) (Winograd)", touching: operands,
            scratch: scratch, operations: operations
        ) { context in run(context, context.bytes(scratch), threads) }
    }
}

extension DataLayout {
    /// Images in blocks of as many channels as our kernels' vectors have.
    static func inChannelBlocks(_ dimensions: [Int]) throws -> DataLayout {
        try .tagged(dimensions, OwnWinograd.lanes == 16 ? dnnl_aBcd16b : dnnl_aBcd8b)
    }
}
