import Datasets
import Vectors

extension TransformEntry {
    static let negative = TransformEntry("negative", "half of the images as their negatives") { _ in Negative() }
}

/// Black for white, with probability one half.
struct Negative: Transform {
    func write(
        _ image: UnsafeBufferPointer<UInt8>, _ shape: ImageShape, levels: UnsafeBufferPointer<Float>,
        stream: inout RandomStream, into target: UnsafeMutablePointer<Float>, using workspace: ImageWorkspace
    ) {
        let isNegative = stream.nextWord() >> 31 == 1
        let plane = shape.height * shape.width
        for index in 0..<shape.count {
            let value = Int(isNegative ? 255 - image[index] : image[index])
            target[index] = levels[index / plane * 256 + value]
        }
    }
}
