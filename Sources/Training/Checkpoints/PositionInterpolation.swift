import Compute
import Datasets
import TensorFiles
import Vectors

/// Positions of a vision transformer's patches for images of another size than the weights were trained on.
///
/// As timm's `resample_abs_pos_embed`: the table of the patches is resized as an image of `width` channels, by bicubic
/// interpolation with a = −1/2 that averages where the table becomes smaller; the class token's position is kept.
package struct PositionInterpolation {
    static let name = "pos_embed"
    private let entry: TensorLayout.Entry
    private let stored: SafeTensorsFile.Entry
    /// Rows and columns of patches.
    private let from: (Int, Int)
    private let to: (Int, Int)
    /// Positions before the patches'.
    private let first: Int

    /// Nil where the file's positions fit, or are no table of this width for a square of patches.
    init?(_ file: SafeTensorsFile, _ graph: Graph) {
        guard let entry = graph.parameterLayout[Self.name], let stored = file[Self.name],
            let patch = graph.parameterLayout["patch_embed.proj.weight"]?.shape.last,
            entry.shape.count == 3, stored.shape.count == 3, stored.shape[0] == 1, stored.shape[2] == entry.shape[2],
            stored.shape[1] != entry.shape[1], stored.element?.isFloat == true
        else { return nil }
        to = (graph.inputShape[1] / patch, graph.inputShape[2] / patch)
        first = entry.shape[1] - to.0 * to.1
        let patches = stored.shape[1] - first
        let side = Int(Double(max(patches, 0)).squareRoot().rounded())
        guard side > 0, side * side == patches, side <= 1024 else { return nil }
        from = (side, side)
        (self.entry, self.stored) = (entry, stored)
    }

    /// The shape that the file is to have.
    var shape: [Int] { stored.shape }

    /// For people.
    var note: String { "positions are interpolated from \(from.0) x \(from.1) patches to \(to.0) x \(to.1)" }

    func read(_ file: SafeTensorsFile, into weights: FlatVector) throws {
        let table = FlatVector(count: stored.count)
        try file.read(stored, into: table)
        let values = Self.resized(table.array, from: from, to: to, width: entry.shape[2], first: first)
        try entry.setValues(in: weights) { target throws(SafeTensorsError) in target.copy(from: FlatVector(values)) }
    }

    /// - Parameter table: `first` and then rows x columns vectors of `width`.
    package static func resized(
        _ table: [Float], from: (Int, Int), to: (Int, Int), width: Int, first: Int
    ) -> [Float] {
        let (rows, columns) = (weights(from.0, to.0), weights(from.1, to.1))
        // Along rows, then along columns, in Double.
        var wide = [Double](repeating: 0, count: from.0 * to.1 * width)
        for y in 0..<from.0 {
            for (x, terms) in columns.enumerated() {
                for (source, weight) in terms {
                    for k in 0..<width {
                        wide[(y * to.1 + x) * width + k] +=
                            weight * Double(table[(first + y * from.1 + source) * width + k])
                    }
                }
            }
        }
        var result = [Double](repeating: 0, count: to.0 * to.1 * width)
        for (y, terms) in rows.enumerated() {
            for (source, weight) in terms {
                for place in 0..<to.1 * width {
                    result[y * to.1 * width + place] += weight * wide[source * to.1 * width + place]
                }
            }
        }
        return table.prefix(first * width) + result.map { Float($0) }
    }

    /// For each result the values that count, with their weights, which sum to 1.
    private static func weights(_ inputs: Int, _ outputs: Int) -> [[(source: Int, weight: Double)]] {
        let scale = Double(inputs) / Double(outputs)
        let stretch = max(scale, 1)
        let support = ResamplingFilter.bicubic.support * stretch
        return (0..<outputs).map { output in
            let center = (Double(output) + 0.5) * scale
            let range = max(0, Int(center - support + 0.5))..<min(inputs, Int(center + support + 0.5))
            let terms = range.map { ($0, ResamplingFilter.bicubic((Double($0) - center + 0.5) / stretch)) }
            let sum = terms.reduce(0) { $0 + $1.1 }
            return terms.map { (source: $0.0, weight: $0.1 / sum) }
        }
    }
}
