/// The rows of policies: each follows the crop and flip of `basic`.
extension TransformEntry {
    /// - Parameters:
    ///   - memory: for images of one shape in memory.
    ///   - decoded: for images of any size, if it is another.
    private static func policy(
        _ name: String, _ summary: String, memory: any PixelPolicy, decoded: (any PixelPolicy)? = nil
    ) -> TransformEntry {
        TransformEntry(
            name, "basic and \(summary)", decoded: { basicSteps($0) + [decoded ?? memory] },
            make: { PixelChain([$0.basicAugmentation, memory]) })
    }

    /// CIFAR-10's policy or ImageNet's, interpolated as torchvision's classes by themselves, and as its references for
    /// ImageNet.
    package static let autoAugment = policy(
        "autoaugment", "torchvision's", memory: AutoAugment(.cifar10),
        decoded: AutoAugment(.imageNet, filter: .bilinear))
    package static let officialAutoAugment = policy(
        "autoaugment-official", "the CR-SAM authors'", memory: OfficialAutoAugment())
    package static let cutout = TransformEntry(
        "cutout", "basic and the CR-SAM authors'", decoded: basicSteps, planes: [Cutout()],
        make: { $0.basicAugmentation })
    package static let randAugment = policy(
        "randaugment", "torchvision's", memory: RandAugment(), decoded: RandAugment(filter: .bilinear))
    package static let randAugmentTimm = policy(
        "randaugment-timm", "rand-m9-mstd0.5-inc1", memory: RandAugmentTimm())
    package static let randAugmentBigVision = policy(
        "randaugment-google", "big_vision's randaug(2,10)", memory: RandAugmentBigVision())
    package static let trivialAugment = policy(
        "trivial", "TrivialAugmentWide", memory: TrivialAugment(), decoded: TrivialAugment(filter: .bilinear))
    package static let threeAugment = policy("three", "DeiT III's 3-Augment", memory: ThreeAugment())
}
