import Datasets

/// What becomes of the training images.
extension RunConfiguration {
    /// Of one image by itself.
    func augmentation(_ geometry: ImageGeometry) -> Augmentation {
        var augmentation = augment.augmentation(of: dataset, geometry)
        if randomErasing > 0 { augmentation.planes.append(RandomErasing.timm(randomErasing)) }
        return augmentation
    }

    /// Of the images of a group; nil for none.
    ///
    /// A method that perturbs mixes within the samples of an ascent direction, so that these do not depend on others;
    /// one that does not mixes within the batch, so that nothing depends on the rank count.
    package var mixing: BatchMixing? {
        var mixing = BatchMixing(mixUp: mixUp, cutMix: cutMix)
        mixing.group = perturbs ? .sharpness : .batch
        return mixing.isActive ? mixing : nil
    }

    private var perturbs: Bool { method.hyperparameters.contains(.perturbationRadius) && rho > 0 }
}
