import Glibc
import Vectors

/// Mixes each sample of a group with another one: MixUp (Zhang et al. 2018, "mixup: beyond empirical risk
/// minimization"), x ← λx + (1 − λ)x', and CutMix (Yun et al. 2019, "CutMix: regularization strategy to train
/// strong classifiers with localizable features"), a rectangle of x' in x, where λ is the part of x that is left.
/// Targets are mixed alike: t ← λt + (1 − λ)t'.
///
/// A group is that of a sharpness direction, or the whole batch (``group``); it has one λ. λ and the pairs follow
/// from (seed, step, group, position in the group) alone: they are the same whatever the rank count and after a
/// restart. Published code pairs samples within a rank's batch, and so mixes otherwise on other rank counts. A group of
/// one, and the middle of an odd group, stay as they are.
///
/// A rank makes its samples' partners itself, wherever they belong: twice the loader's work, no messages.
package struct BatchMixing: Sendable, Equatable {
    package enum Pairing: String, CaseIterable, Sendable {
        /// Position p of n with n − 1 − p: timm's `flip` and the SAM repository's.
        case mirrored
        /// p with p − 1, the first with the last: torchvision's and big_vision's `roll`.
        case previous
    }

    package enum Rectangle: String, CaseIterable, Sendable {
        /// Sides ⌊H√(1 − λ)⌋ and ⌊W√(1 − λ)⌋ about a pixel.
        case timm
        /// Twice ⌊H√(1 − λ)/2⌋ and ⌊W√(1 − λ)/2⌋.
        case torchvision
    }

    package enum Group: Sendable { case sharpness, batch }

    /// λ ~ Beta(α, α); 0 for no MixUp.
    package var mixUpAlpha: Double
    /// 0 for no CutMix.
    package var cutMixAlpha: Double
    /// That a group is mixed at all.
    package var probability = 1.0
    /// Of CutMix where there are both.
    package var cutMixShare = 0.5
    package var pairing = Pairing.mirrored
    package var rectangle = Rectangle.timm
    /// λ ← max(λ, 1 − λ): a sample is the larger part of its own mix, as with big_vision and the SAM repository.
    package var keepsLargerPart = false
    package var group = Group.sharpness

    /// timm's `Mixup` in mode `batch`.
    package init(mixUp: Double = 0, cutMix: Double = 0) {
        precondition(mixUp >= 0 && cutMix >= 0, "α of \(mixUp) and \(cutMix)")
        (mixUpAlpha, cutMixAlpha) = (mixUp, cutMix)
    }

    /// torchvision's `RandomChoice([MixUp, CutMix])`.
    package static func torchvision(mixUp: Double = 0, cutMix: Double = 0) -> BatchMixing {
        var mixing = BatchMixing(mixUp: mixUp, cutMix: cutMix)
        (mixing.pairing, mixing.rectangle) = (.previous, .torchvision)
        return mixing
    }

    /// big_vision's MixUp.
    package static func bigVision(mixUp: Double) -> BatchMixing {
        var mixing = BatchMixing(mixUp: mixUp)
        (mixing.pairing, mixing.keepsLargerPart) = (.previous, true)
        return mixing
    }

    /// The SAM repository's MixUp.
    package static func sam(mixUp: Double) -> BatchMixing {
        var mixing = BatchMixing(mixUp: mixUp)
        mixing.keepsLargerPart = true
        return mixing
    }

    package var isActive: Bool { probability > 0 && (mixUpAlpha > 0 || cutMixAlpha > 0) }

    /// How the samples of a group of a step are mixed.
    package func mix(step: Int, group: Int, seed: UInt64, height: Int, width: Int) -> SampleMix {
        var stream = RandomStream(seed: seed, purpose: .mixing, epoch: step, index: group)
        return mix(height: height, width: width, stream: &stream)
    }

    func mix(height: Int, width: Int, stream: inout RandomStream) -> SampleMix {
        guard isActive, probability >= 1 || stream.isHit(probability) else { return .none }
        let isCut = mixUpAlpha == 0 || cutMixAlpha > 0 && stream.isHit(cutMixShare)
        var weight = BetaDistribution(alpha: isCut ? cutMixAlpha : mixUpAlpha).draw(&stream)
        if keepsLargerPart { weight = max(weight, 1 - weight) }
        guard isCut else { return SampleMix(weight: Float(weight), window: nil) }
        let window = rectangle.window(weight: weight, height: height, width: width, stream: &stream)
        return SampleMix(
            weight: Float(1 - Double(window.height * window.width) / Double(height * width)), window: window)
    }

    /// The position whose sample is mixed into that of `position`, both in the batch.
    package func partner(of position: Int, in group: Range<Int>) -> Int {
        precondition(group.contains(position), "position \(position) of \(group)")
        switch pairing {
        case .mirrored: return group.lowerBound + (group.upperBound - 1 - position)
        case .previous: return position == group.lowerBound ? group.upperBound - 1 : position - 1
        }
    }
}

extension BatchMixing.Rectangle {
    /// About a pixel that is drawn, and cut at the image's edges; may be empty.
    package func window(weight: Double, height: Int, width: Int, stream: inout RandomStream) -> PixelWindow {
        let side = (1 - weight).squareRoot()
        let (y, x): (Int, Int)
        let (before, after): ((Int, Int), (Int, Int))
        switch self {
        case .timm:
            let (high, wide) = (Int(Double(height) * side), Int(Double(width) * side))
            (before, after) = ((high / 2, wide / 2), ((high + 1) / 2, (wide + 1) / 2))
            y = stream.integer(below: height)
            x = stream.integer(below: width)
        case .torchvision:
            before = (Int(0.5 * side * Double(height)), Int(0.5 * side * Double(width)))
            after = before
            x = stream.integer(below: width)
            y = stream.integer(below: height)
        }
        let (top, left) = (max(0, y - before.0), max(0, x - before.1))
        return PixelWindow(
            top: top, left: left, height: min(height, y + after.0) - top, width: min(width, x + after.1) - left)
    }
}

/// How two samples become one.
package struct SampleMix: Sendable, Equatable {
    /// λ, the part of the first.
    package var weight: Float
    /// What comes from the second; nil where all pixels are averaged.
    package var window: PixelWindow?

    package init(weight: Float, window: PixelWindow?) { (self.weight, self.window) = (weight, window) }

    /// The first sample alone.
    package static let none = SampleMix(weight: 1, window: nil)

    /// Mixes `second` into `first`, both C x H x W.
    package func combine(
        _ first: UnsafeMutablePointer<Float>, with second: UnsafePointer<Float>, _ shape: ImageShape
    ) {
        guard let window else {
            let rest = 1 - weight
            for index in 0..<shape.count { first[index] = first[index] * weight + second[index] * rest }
            return
        }
        for channel in 0..<shape.channels {
            window.forEachRow(of: first, shape, channel) { row, count in
                row.update(from: second + (row - first), count: count)
            }
        }
    }
}
