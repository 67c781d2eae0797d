import CKernels
import Testing
import Vectors

/// Our own Winograd kernels (`CKernels/Winograd.h`) against direct sums in Double, for each width of vectors that the
/// processor has.
@Suite struct WinogradKernelTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let lanes: Int
        let batch: Int
        let inputs: Int
        let outputs: Int
        let height: Int
        let width: Int
        var testDescription: String { "\(lanes) lanes, \(batch) x \(inputs) to \(outputs) x \(height) x \(width)" }
    }

    static let widths: [Int] = [8, 16].filter { cwg_lanes(Int32($0)) == Int32($0) }

    /// Sides of 4 to 16 and 28, 56, tiles of 1 to 14 and many, channels of 16 to 640 that are no powers of two, too.
    /// The larger ones are cut into groups of images, of outputs, or both.
    static let cases: [Case] = widths.flatMap { lanes in
        [
            (1, 16, 16, 4, 4), (1, 16, 32, 4, 7), (2, 32, 16, 5, 6), (1, 48, 80, 9, 8), (5, 16, 16, 4, 4),
            (3, 80, 48, 7, 5), (7, 16, 48, 4, 3), (2, 64, 112, 8, 8), (1, 16, 16, 11, 12), (2, 160, 96, 10, 17),
            (11, 32, 32, 4, 1), (3, 16, 64, 8, 8), (13, 48, 16, 2, 4), (14, 16, 16, 1, 3), (1, 64, 64, 28, 28),
            (1, 16, 16, 56, 56), (8, 96, 112, 14, 15), (40, 16, 80, 8, 8), (2, 512, 96, 4, 4), (1, 48, 640, 8, 8),
            (3, 640, 16, 7, 7), (1, 32, 48, 13, 16), (33, 128, 80, 8, 6),
        ].map { Case(lanes: lanes, batch: $0.0, inputs: $0.1, outputs: $0.2, height: $0.3, width: $0.4) }
    }

    @Test(arguments: cases) func `each direction is direct summation to 2e-6, for any number of threads`(
        test: Case
    ) throws {
        let convolution = WinogradSample(test)
        let expected = convolution.directSums()
        let result = convolution.run(threads: 1)
        for (direction, (values, sums)) in zip(["forward", "data", "weights"], zip(result, expected)) {
            let error = zip(values, sums).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
            let norm = sums.reduce(0) { $0 + $1 * $1 }
            #expect((error / norm).squareRoot() < 2e-6, "\(direction): \((error / norm).squareRoot())")
        }
        for threads: Int32 in [2, 3, 5] {
            #expect(convolution.run(threads: threads) == result, "\(threads) threads compute something else")
        }
    }

    /// Of any batch an image's results are those that it has alone, in groups of images or of outputs, and with all
    /// weights or a run of them at a time.
    @Test(arguments: widths, [(64, 48, 8), (16, 32, 15), (256, 32, 4), (160, 32, 8), (32, 336, 8)])
    func `an image's results and gradient do not depend on its batch`(
        lanes: Int, sizes: (Int, Int, Int)
    ) throws {
        let (batch, inputs, outputs, side) = (70, sizes.0, sizes.1, sizes.2)
        let all = WinogradSample(
            Case(
                lanes: lanes, batch: batch, inputs: inputs, outputs: outputs, height: side, width: side))
        let whole = all.run(threads: 1)
        for range in [0..<1, 5..<9, 40..<70] {
            let part = all.part(range).run(threads: 1)
            for direction in 0..<2 {
                let each = whole[direction].count / batch
                #expect(
                    part[direction] == Array(whole[direction][range.lowerBound * each..<range.upperBound * each]),
                    "images \(range), direction \(direction)")
            }
        }
    }

    @Test(arguments: widths) func `a value that is no number stays visible, and in its image`(lanes: Int) {
        for bad in [Float.nan, .infinity] {
            var sample = WinogradSample(Case(lanes: lanes, batch: 3, inputs: 16, outputs: 16, height: 7, width: 7))
            sample.images[sample.images.count / 2] = bad
            sample.gradient[sample.gradient.count / 2] = bad
            let result = sample.run(threads: 1)
            for direction in 0..<2 {
                let isFinite = result[direction].map(\.isFinite)
                let each = isFinite.count / 3
                #expect(isFinite[each..<2 * each].contains(false))
                #expect(!(isFinite[..<each] + isFinite[(2 * each)...]).contains(false))
            }
            #expect(result[2].map(\.isFinite).contains(false))
        }
    }

    @Test func `no more lanes than are asked for`() {
        #expect(cwg_lanes(4) == 0)
        #expect(cwg_lanes(8) <= 8)
        #expect(Int(cwg_lanes(0)) == Self.widths.last ?? 0)
    }
}

/// Images, weights and a gradient of results in the kernels' order, drawn from a stream.
private struct WinogradSample {
    let test: WinogradKernelTests.Case
    var images: [Float]
    var weights: [Float]
    var bias: [Float]
    var gradient: [Float]

    init(_ test: WinogradKernelTests.Case) {
        self.test = test
        var stream = RandomStream(seed: 5, purpose: .test, index: test.inputs << 16 | test.outputs)
        func draw(_ count: Int) -> [Float] { (0..<count).map { _ in stream.normal() } }
        let pixels = test.batch * test.height * test.width
        images = draw(pixels * test.inputs)
        weights = draw(test.inputs * test.outputs * 9)
        bias = draw(test.outputs)
        gradient = draw(pixels * test.outputs)
    }

    /// Some of the images.
    func part(_ range: Range<Int>) -> WinogradSample {
        var part = WinogradSample(
            .init(
                lanes: test.lanes, batch: range.count, inputs: test.inputs, outputs: test.outputs, height: test.height,
                width: test.width))
        func cut(_ values: [Float]) -> [Float] {
            let each = values.count / test.batch
            return Array(values[range.lowerBound * each..<range.upperBound * each])
        }
        (part.images, part.weights, part.bias, part.gradient) = (cut(images), weights, bias, cut(gradient))
        return part
    }

    private func pixel(_ channels: Int, _ image: Int, _ channel: Int, _ y: Int, _ x: Int) -> Int {
        let block = image * (channels / test.lanes) + channel / test.lanes
        return ((block * test.height + y) * test.width + x) * test.lanes + channel % test.lanes
    }

    private func weight(_ output: Int, _ input: Int, _ tap: Int) -> Int {
        let block = output / 16 * (test.inputs / 16) + input / 16
        return (block * 9 + tap) * 256 + input % 16 * 16 + output % 16
    }

    /// Results, the images' gradient and the weights' gradient.
    func run(threads: Int32) -> [[Float]] {
        var shape = cwg_shape(
            batch: Int32(test.batch), inputs: Int32(test.inputs), outputs: Int32(test.outputs),
            height: Int32(test.height), width: Int32(test.width))
        let lanes = Int32(test.lanes)
        var results = [Float](repeating: .nan, count: gradient.count)
        var imagesGradient = [Float](repeating: .nan, count: images.count)
        var weightsGradient = [Float](repeating: .nan, count: weights.count)
        // Parts in any order: here the last one first.
        let parallel: cwg_parallel = { body, context, parts in
            for part in (0..<parts).reversed() { body?(context, part) }
        }
        for direction in [cwg_forward, cwg_backward_data, cwg_backward_weights] {
            let bytes = cwg_scratch_bytes(&shape, direction, lanes, threads)
            // Whatever an earlier kernel left there; a line behind it must stay.
            let scratch = FlatVector(count: bytes / 4 + 16)
            scratch.fill(.nan)
            scratch[bytes / 4] = 7
            switch direction {
            case cwg_forward:
                cwg_run_forward(&shape, lanes, images, weights, bias, &results, scratch.pointer, threads, parallel)
            case cwg_backward_data:
                cwg_run_backward_data(
                    &shape, lanes, gradient, weights, &imagesGradient, scratch.pointer, threads, parallel)
            default:
                cwg_run_backward_weights(
                    &shape, lanes, images, gradient, &weightsGradient, scratch.pointer, threads, parallel)
            }
            #expect(scratch[bytes / 4] == 7, "wrote behind its scratch memory")
        }
        return [results, imagesGradient, weightsGradient]
    }

    /// The same by the definition.
    func directSums() -> [[Double]] {
        var results = [Double](repeating: 0, count: gradient.count)
        var imagesGradient = [Double](repeating: 0, count: images.count)
        var weightsGradient = [Double](repeating: 0, count: weights.count)
        for image in 0..<test.batch {
            for output in 0..<test.outputs {
                for y in 0..<test.height {
                    for x in 0..<test.width {
                        let result = pixel(test.outputs, image, output, y, x)
                        var sum = Double(bias[output])
                        let slope = Double(gradient[result])
                        for tap in 0..<9 {
                            let (v, u) = (y + tap / 3 - 1, x + tap % 3 - 1)
                            guard v >= 0, u >= 0, v < test.height, u < test.width else { continue }
                            for input in 0..<test.inputs {
                                let (from, by) = (
                                    pixel(test.inputs, image, input, v, u), weight(output, input, tap)
                                )
                                sum += Double(images[from]) * Double(weights[by])
                                imagesGradient[from] += slope * Double(weights[by])
                                weightsGradient[by] += slope * Double(images[from])
                            }
                        }
                        results[result] = sum
                    }
                }
            }
        }
        return [results, imagesGradient, weightsGradient]
    }
}
