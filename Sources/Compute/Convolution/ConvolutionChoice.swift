/// How convolutions are computed.
package enum ConvolutionPolicy: String, Sendable, CaseIterable, Codable {
    /// Winograd's algorithm where it is known to win (3x3, stride 1, enough channels and pixels), else direct.
    /// The results differ from direct convolution by about 1e-6 relative.
    case auto
    /// Direct convolution everywhere.
    case direct
}

/// Which algorithm computes a direction of a convolution, and in which precision: by shape, processor and library
/// alone, so that all ranks and all runs decide alike, which a timed trial would not.
struct ConvolutionChoice {
    let shape: ConvolutionShape
    let policy: ConvolutionPolicy
    /// The program's.
    let programPrecision: Precision

    private enum Kind { case direct, oneDNNWinograd }

    /// In the order in which they are tried: the first that has a kernel for the operands computes.
    func algorithms(_ direction: ConvolutionDirection, _ primitives: OneDNNConvolution) -> [any ConvolutionAlgorithm] {
        let direct = DirectConvolution(primitives: primitives)
        return switch kind(direction) {
        case .oneDNNWinograd where precision(direction) == .float32: [OneDNNWinograd(primitives: primitives), direct]
        default: [direct]
        }
    }

    /// What a direction computes in. In bfloat16 Winograd's algorithm in float32 is faster than direct convolution
    /// where there are channels and tiles enough (`docs/decisions/Compute.md`), and more exact; not on matrix units.
    func precision(_ direction: ConvolutionDirection) -> Precision {
        guard programPrecision == .bfloat16, !Precision.hasMatrixUnits, kind(direction) != .direct else {
            return programPrecision
        }
        let isFaster = shape.channels >= 64 && shape.tiles >= (direction == .backwardWeights ? 64 : 256)
        return isFaster ? .float32 : .bfloat16
    }

    /// oneDNN's tiles of 4x4 results pay for enough channels to fill vectors and enough tiles to make its transformed
    /// products large. The bounds are where it was measured to win with caches shared by other ranks
    /// (`docs/decisions/Compute.md`).
    private func kind(_ direction: ConvolutionDirection) -> Kind {
        guard policy == .auto, shape.isWinogradWindow else { return .direct }
        let wins =
            direction == .backwardWeights
            ? shape.channels >= 16 && shape.tiles >= 16 : shape.channels >= 32 && shape.tiles >= 32
        return wins ? .oneDNNWinograd : .direct
    }
}
