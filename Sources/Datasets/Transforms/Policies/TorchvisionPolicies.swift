import Vectors

/// torchvision's `RandAugment` (Cubuk et al. 2020, "RandAugment: practical automated data augmentation with a reduced
/// search space").
///
/// Each of `count` operations is one of 14 (``OperationName`` without invert), drawn with replacement, and always
/// applied, at bin `magnitude` of `bins`; the sign of signed ones is drawn. Shears ±0.3 about the corner, translations
/// ±150/331 of the image, rotations ±30°, enhancements 1 ± 0.9, posterize 8 to 4 bits, solarize from 255 to 0.
///
/// Not the RandAugments of timm (``RandAugmentTimm``) and Google (``RandAugmentBigVision``).
package struct RandAugment: PixelPolicy, Equatable {
    package var count = 2
    package var magnitude = 9
    package var bins = 31
    package var filter = AffineFilter.nearest
    package var fill = PixelColor()

    package init(count: Int = 2, magnitude: Int = 9, filter: AffineFilter = .nearest) {
        precondition(count >= 0 && (0..<31).contains(magnitude), "\(count) operations at magnitude \(magnitude)")
        (self.count, self.magnitude, self.filter) = (count, magnitude, filter)
    }

    package func draw(
        height: Int, width: Int, stream: inout RandomStream, into operations: inout [PixelOperation]
    ) {
        let space = MagnitudeSpace(bins: bins, height: height, width: width, filter: filter)
        let names = OperationName.allCases.dropLast()
        for _ in 0..<count {
            let name = names[stream.integer(below: names.count)]
            let isNegative = name.isSigned && stream.integer(below: 2) == 1
            operations.append(space.operation(name, bin: magnitude, isNegative: isNegative))
        }
    }
}

/// torchvision's `TrivialAugmentWide` (Müller and Hutter 2021, "TrivialAugment: tuning-free yet state-of-the-art data
/// augmentation"): one of 14 operations at one of 31 magnitudes, all equally likely.
///
/// Shears ±0.99, translations ±32 pixels, rotations ±135°, enhancements 1 ± 0.99, posterize 8 to 2 bits, solarize
/// from 255 to 0.
package struct TrivialAugment: PixelPolicy, Equatable {
    package var bins = 31
    package var filter = AffineFilter.nearest
    package var fill = PixelColor()

    package init(filter: AffineFilter = .nearest) { self.filter = filter }

    package func draw(
        height: Int, width: Int, stream: inout RandomStream, into operations: inout [PixelOperation]
    ) {
        var space = MagnitudeSpace(bins: bins, height: height, width: width, filter: filter)
        (space.shear, space.translation, space.degrees, space.enhancement) = (0.99, 32, 135, 0.99)
        space.leastBits = 2
        let names = OperationName.allCases.dropLast()
        let name = names[stream.integer(below: names.count)]
        let bin = name.isGraded ? stream.integer(below: bins) : 0
        let isNegative = name.isSigned && stream.integer(below: 2) == 1
        operations.append(space.operation(name, bin: bin, isNegative: isNegative))
    }
}

/// `AutoAugment` (Cubuk et al. 2019, "AutoAugment: learning augmentation strategies from data") as torchvision applies
/// it: one of 25 pairs of operations, each applied with its probability at its one of ten magnitudes.
///
/// Magnitudes are those of ``RandAugment``; the sign of signed ones is drawn. For the form of the CR-SAM authors' code
/// see ``OfficialAutoAugment``.
package struct AutoAugment: PixelPolicy, Equatable {
    package var policy: AutoAugmentTable
    package var filter = AffineFilter.nearest
    package var fill = PixelColor()
    private static let bins = 10

    package init(_ policy: AutoAugmentTable, filter: AffineFilter = .nearest) {
        (self.policy, self.filter) = (policy, filter)
    }

    package func draw(
        height: Int, width: Int, stream: inout RandomStream, into operations: inout [PixelOperation]
    ) {
        let space = MagnitudeSpace(bins: Self.bins, height: height, width: width, filter: filter)
        let pair = policy.pairs[stream.integer(below: policy.pairs.count)]
        let chances = (stream.uniform(), stream.uniform())
        let signs = (stream.integer(below: 2), stream.integer(below: 2))
        for (step, chance, sign) in [(pair.first, chances.0, signs.0), (pair.second, chances.1, signs.1)]
        where chance <= Float(step.probability) {
            let isNegative = step.name.isSigned && sign == 0
            operations.append(space.operation(step.name, bin: step.magnitude, isNegative: isNegative))
        }
    }
}
