import Vectors

/// What one thread works with while it prepares a sample: the image, and memory that transforms share.
package final class ImageWorkspace {
    /// The sample as it is after the last transform.
    package private(set) var image = PixelImage()
    /// Where a transform writes what cannot be changed in place, before ``swapImages()``.
    package private(set) var spare = PixelImage()

    let coefficients = ResamplingCoefficients()
    let columnCoefficients = ResamplingCoefficients()
    /// What a policy drew for this image.
    var operations: [PixelOperation] = []

    package init() {}

    /// Makes the spare image the sample's.
    package func swapImages() { swap(&image, &spare) }
}

/// One step of a pipeline on decoded images of any size, such as a random resized crop.
package protocol PixelTransform: Sendable {
    /// Changes the workspace's image, 1 or 3 channels of any height and width.
    ///
    /// Called from a loader's thread, once a sample; allocates nothing once the workspace has grown to the largest
    /// image.
    /// - Parameter stream: of this sample in this epoch; the only source of what is random.
    func apply(_ workspace: ImageWorkspace, stream: inout RandomStream)
}
