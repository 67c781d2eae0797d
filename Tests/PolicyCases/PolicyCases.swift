import Datasets

/// Random policies in the forms that goldens and the comparison with torchvision and timm hold, by the names that they
/// have there.
package let policyCases: [(name: String, policy: any PixelPolicy)] = {
    func timm(_ magnitude: Double, _ deviation: Double, _ change: (inout RandAugmentTimm) -> Void) -> RandAugmentTimm {
        var policy = RandAugmentTimm()
        (policy.magnitude, policy.deviation) = (magnitude, deviation)
        change(&policy)
        return policy
    }
    return [
        ("randaugment", RandAugment()),
        ("randaugment-bilinear", RandAugment(count: 3, magnitude: 20, filter: .bilinear)),
        ("trivial", TrivialAugment()), ("trivial-bilinear", TrivialAugment(filter: .bilinear)),
        ("autoaugment-imagenet", AutoAugment(.imageNet)),
        ("autoaugment-cifar10", AutoAugment(.cifar10, filter: .bicubic)),
        ("autoaugment-svhn", AutoAugment(.svhn)), ("autoaugment-official", OfficialAutoAugment()),
        ("timm-m9-mstd0.5-inc1", timm(9, 0.5) { _ in }),
        (
            "timm-m7-mstd0.5-mmax8",
            timm(7, 0.5) { ($0.isIncreasing, $0.maximum, $0.filter) = (false, 8, nil) }
        ),
        ("timm-m9-mstd101-n3-inc1", timm(9, .infinity) { ($0.count, $0.filter) = (3, nil) }),
        ("big-vision-2-10", RandAugmentBigVision()),
        ("big-vision-3-15", RandAugmentBigVision(count: 3, magnitude: 15)), ("three", ThreeAugment()),
    ]
}()
