/// How convolutions are computed. Winograd's algorithm is for 3x3 windows at stride 1 and padding 1; its results differ
/// from direct convolution's by about 1e-6 relative.
package enum ConvolutionPolicy: String, Sendable, CaseIterable, Codable {
    /// Our own Winograd where it was measured to be faster, else direct.
    case auto
    /// Direct convolution everywhere.
    case direct
    /// Our own Winograd wherever there are kernels of it for the shape, else direct.
    case winograd

    /// Whether `auto` and `winograd` differ from `direct` on this processor.
    package static var hasWinograd: Bool { OwnWinograd.lanes > 0 }
}

/// Which algorithm computes a direction of a convolution, and in which precision: by shape and processor alone, so that
/// all ranks and all runs decide alike, which a timed trial would not.
struct ConvolutionChoice {
    let shape: ConvolutionShape
    let policy: ConvolutionPolicy
    /// The program's.
    let programPrecision: Precision

    /// In the order in which they are tried: the first that has a kernel for the operands computes.
    func algorithms(
        _ direction: ConvolutionDirection, _ name: String, _ primitives: OneDNNConvolution
    ) -> [any ConvolutionAlgorithm] {
        let direct = DirectConvolution(primitives: primitives)
        guard precision(direction) == .float32 else { return [direct] }
        if direction == .backwardWeights, !primitives.needsDataGradient, PixelGradient.takes(shape) {
            return [PixelGradient(name, shape), direct]
        }
        return takesWinograd(direction) ? [OwnWinograd(name, shape), direct] : [direct]
    }

    /// What a direction computes in. In bfloat16 Winograd's algorithm in float32 is faster than direct convolution
    /// where there are channels and tiles enough (`docs/decisions/Compute.md`), and more exact; not on matrix units.
    func precision(_ direction: ConvolutionDirection) -> Precision {
        guard programPrecision == .bfloat16, takesWinograd(direction) else { return programPrecision }
        if policy == .winograd { return .float32 }
        let isFaster = shape.channels >= 64 && shape.tiles >= (direction == .backwardWeights ? 64 : 256)
        return isFaster && !Precision.hasMatrixUnits ? .float32 : .bfloat16
    }

    private func takesWinograd(_ direction: ConvolutionDirection) -> Bool {
        switch policy {
        case .direct: false
        case .winograd: OwnWinograd.takes(shape)
        case .auto: OwnWinograd.takes(shape) && isFaster(direction)
        }
    }

    /// It needs tiles that are full enough, and enough of them to make up for the transforms of the weights; vectors
    /// of 16 floats, which make the direct products faster, need more (`docs/decisions/Compute.md`).
    private func isFaster(_ direction: ConvolutionDirection) -> Bool {
        shape.savedByTiles >= 2
            && shape.tiles >= (OwnWinograd.lanes == 16 && direction != .backwardWeights ? 16 : 8)
    }
}
