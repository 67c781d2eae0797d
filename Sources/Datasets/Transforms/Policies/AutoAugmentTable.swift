/// The pairs of operations that AutoAugment's search found for a data set: tables 9, 7 and 8 of Cubuk et al. 2019.
///
/// The magnitudes of operations that have none are 0.
package struct AutoAugmentTable: Sendable, Equatable {
    package struct Step: Sendable, Equatable {
        package let name: OperationName
        package let probability: Double
        /// 0 ... 9.
        package let magnitude: Int

        fileprivate init(_ name: OperationName, _ probability: Double, _ magnitude: Int = 0) {
            (self.name, self.probability, self.magnitude) = (name, probability, magnitude)
        }
    }

    package struct Pair: Sendable, Equatable {
        package let first: Step
        package let second: Step

        fileprivate init(_ first: Step, _ second: Step) { (self.first, self.second) = (first, second) }
    }

    package let pairs: [Pair]

    package static let imageNet = AutoAugmentTable(pairs: [
        .init(.init(.posterize, 0.4, 8), .init(.rotate, 0.6, 9)),
        .init(.init(.solarize, 0.6, 5), .init(.autoContrast, 0.6)),
        .init(.init(.equalize, 0.8), .init(.equalize, 0.6)),
        .init(.init(.posterize, 0.6, 7), .init(.posterize, 0.6, 6)),
        .init(.init(.equalize, 0.4), .init(.solarize, 0.2, 4)),
        .init(.init(.equalize, 0.4), .init(.rotate, 0.8, 8)),
        .init(.init(.solarize, 0.6, 3), .init(.equalize, 0.6)),
        .init(.init(.posterize, 0.8, 5), .init(.equalize, 1.0)),
        .init(.init(.rotate, 0.2, 3), .init(.solarize, 0.6, 8)),
        .init(.init(.equalize, 0.6), .init(.posterize, 0.4, 6)),
        .init(.init(.rotate, 0.8, 8), .init(.color, 0.4, 0)),
        .init(.init(.rotate, 0.4, 9), .init(.equalize, 0.6)),
        .init(.init(.equalize, 0.0), .init(.equalize, 0.8)),
        .init(.init(.invert, 0.6), .init(.equalize, 1.0)),
        .init(.init(.color, 0.6, 4), .init(.contrast, 1.0, 8)),
        .init(.init(.rotate, 0.8, 8), .init(.color, 1.0, 2)),
        .init(.init(.color, 0.8, 8), .init(.solarize, 0.8, 7)),
        .init(.init(.sharpness, 0.4, 7), .init(.invert, 0.6)),
        .init(.init(.shearX, 0.6, 5), .init(.equalize, 1.0)),
        .init(.init(.color, 0.4, 0), .init(.equalize, 0.6)),
        .init(.init(.equalize, 0.4), .init(.solarize, 0.2, 4)),
        .init(.init(.solarize, 0.6, 5), .init(.autoContrast, 0.6)),
        .init(.init(.invert, 0.6), .init(.equalize, 1.0)),
        .init(.init(.color, 0.6, 4), .init(.contrast, 1.0, 8)),
        .init(.init(.equalize, 0.8), .init(.equalize, 0.6)),
    ])

    package static let cifar10 = AutoAugmentTable(pairs: [
        .init(.init(.invert, 0.1), .init(.contrast, 0.2, 6)),
        .init(.init(.rotate, 0.7, 2), .init(.translateX, 0.3, 9)),
        .init(.init(.sharpness, 0.8, 1), .init(.sharpness, 0.9, 3)),
        .init(.init(.shearY, 0.5, 8), .init(.translateY, 0.7, 9)),
        .init(.init(.autoContrast, 0.5), .init(.equalize, 0.9)),
        .init(.init(.shearY, 0.2, 7), .init(.posterize, 0.3, 7)),
        .init(.init(.color, 0.4, 3), .init(.brightness, 0.6, 7)),
        .init(.init(.sharpness, 0.3, 9), .init(.brightness, 0.7, 9)),
        .init(.init(.equalize, 0.6), .init(.equalize, 0.5)),
        .init(.init(.contrast, 0.6, 7), .init(.sharpness, 0.6, 5)),
        .init(.init(.color, 0.7, 7), .init(.translateX, 0.5, 8)),
        .init(.init(.equalize, 0.3), .init(.autoContrast, 0.4)),
        .init(.init(.translateY, 0.4, 3), .init(.sharpness, 0.2, 6)),
        .init(.init(.brightness, 0.9, 6), .init(.color, 0.2, 8)),
        .init(.init(.solarize, 0.5, 2), .init(.invert, 0.0)),
        .init(.init(.equalize, 0.2), .init(.autoContrast, 0.6)),
        .init(.init(.equalize, 0.2), .init(.equalize, 0.6)),
        .init(.init(.color, 0.9, 9), .init(.equalize, 0.6)),
        .init(.init(.autoContrast, 0.8), .init(.solarize, 0.2, 8)),
        .init(.init(.brightness, 0.1, 3), .init(.color, 0.7, 0)),
        .init(.init(.solarize, 0.4, 5), .init(.autoContrast, 0.9)),
        .init(.init(.translateY, 0.9, 9), .init(.translateY, 0.7, 9)),
        .init(.init(.autoContrast, 0.9), .init(.solarize, 0.8, 3)),
        .init(.init(.equalize, 0.8), .init(.invert, 0.1)),
        .init(.init(.translateY, 0.7, 9), .init(.autoContrast, 0.9)),
    ])

    package static let svhn = AutoAugmentTable(pairs: [
        .init(.init(.shearX, 0.9, 4), .init(.invert, 0.2)),
        .init(.init(.shearY, 0.9, 8), .init(.invert, 0.7)),
        .init(.init(.equalize, 0.6), .init(.solarize, 0.6, 6)),
        .init(.init(.invert, 0.9), .init(.equalize, 0.6)),
        .init(.init(.equalize, 0.6), .init(.rotate, 0.9, 3)),
        .init(.init(.shearX, 0.9, 4), .init(.autoContrast, 0.8)),
        .init(.init(.shearY, 0.9, 8), .init(.invert, 0.4)),
        .init(.init(.shearY, 0.9, 5), .init(.solarize, 0.2, 6)),
        .init(.init(.invert, 0.9), .init(.autoContrast, 0.8)),
        .init(.init(.equalize, 0.6), .init(.rotate, 0.9, 3)),
        .init(.init(.shearX, 0.9, 4), .init(.solarize, 0.3, 3)),
        .init(.init(.shearY, 0.8, 8), .init(.invert, 0.7)),
        .init(.init(.equalize, 0.9), .init(.translateY, 0.6, 6)),
        .init(.init(.invert, 0.9), .init(.equalize, 0.6)),
        .init(.init(.contrast, 0.3, 3), .init(.rotate, 0.8, 4)),
        .init(.init(.invert, 0.8), .init(.translateY, 0.0, 2)),
        .init(.init(.shearY, 0.7, 6), .init(.solarize, 0.4, 8)),
        .init(.init(.invert, 0.6), .init(.rotate, 0.8, 4)),
        .init(.init(.shearY, 0.3, 7), .init(.translateX, 0.9, 3)),
        .init(.init(.shearX, 0.1, 6), .init(.invert, 0.6)),
        .init(.init(.solarize, 0.7, 2), .init(.translateY, 0.6, 7)),
        .init(.init(.shearY, 0.8, 4), .init(.invert, 0.8)),
        .init(.init(.shearX, 0.7, 9), .init(.translateY, 0.8, 3)),
        .init(.init(.shearY, 0.8, 5), .init(.autoContrast, 0.7)),
        .init(.init(.shearX, 0.7, 2), .init(.invert, 0.1)),
    ])
}
