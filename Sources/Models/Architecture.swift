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
    func graph(inputShape: [Int], classes: Int) -> Graph
}

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
