import Compute

/// A family of networks: describes its layers once, for images of a shape.
package protocol Architecture: Sendable {
    /// Throws where the network cannot read such images; what is thrown says why.
    ///
    /// - Parameter inputShape: channels, height, width, each at least 1.
    func check(inputShape: [Int]) throws(UnsuitableImage)

    /// The layers, with the parameters' published names.
    ///
    /// - Parameters:
    ///   - inputShape: channels, height, width, which ``check(inputShape:)`` let through.
    ///   - classes: logits, at least 1.
    ///   - options: those that are not in ``options`` have their defaults.
    func graph(inputShape: [Int], classes: Int, options: ModelOptions) -> Graph

    /// What of ``ModelOptions`` it reads.
    var options: Set<ModelOption> { get }

    /// Which layer a parameter belongs to; nil where the layers have no order.
    var layerOrder: LayerOrder? { get }
}

extension Architecture {
    package var options: Set<ModelOption> { [] }
    package var layerOrder: LayerOrder? { nil }

    /// With every option's default.
    package func graph(inputShape: [Int], classes: Int) -> Graph {
        graph(inputShape: inputShape, classes: classes, options: ModelOptions())
    }
}

/// What a run chooses of a model beside its name.
package struct ModelOptions: Sendable, Equatable {
    /// Stochastic depth (Huang et al. 2016): the probability with which the last block's residual branches are left out
    /// of a training sample; the first block's is 0 and those between grow linearly. From 0 to below 1.
    package var dropPath = 0.0
    /// Whether the last normalization of each residual branch starts at 0, so that each block starts as the identity
    /// (Goyal et al. 2017, section 5.1): torchvision's `zero_init_residual`.
    package var zeroInitResidual = false

    package init() {}
}

package enum ModelOption: Sendable { case dropPath, zeroInitResidual }

/// Why an architecture cannot read images of a shape.
package struct UnsuitableImage: Error, Equatable {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }

    /// Throws unless an image is square, and as large as so many halvings need.
    package static func requireSquare(_ inputShape: [Int], halvings: Int) throws(UnsuitableImage) {
        guard inputShape[1] == inputShape[2] else {
            throw UnsuitableImage("its last layer averages over a square image")
        }
        let least = (1 << halvings) / 2 + 1
        guard inputShape[1] >= least else {
            throw UnsuitableImage("it halves the image \(halvings) times, so the sides must be at least \(least)")
        }
    }
}
