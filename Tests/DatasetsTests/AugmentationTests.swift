import Datasets
import Testing
import Vectors

private func images(_ dataset: ImageDataset, _ augmentation: CropAndFlip, seed: UInt64 = 4, epoch: Int) -> [[Float]] {
    let source = AugmentedImages(dataset, transform: augmentation, seed: seed)
    return (0..<source.count).map { sample in
        let out = FlatVector(count: source.shape.count)
        source.write(sample, epoch: epoch, into: out.pointer, using: SampleWorkspace())
        return out.array
    }
}

@Suite struct AugmentationTests {
    let dataset = smallDataset(count: 40)

    /// The normalized window at (dy, dx) of the zero-padded image, mirrored or not, by the definition.
    private func window(_ sample: Int, padding: Int, dy: Int, dx: Int, mirrored: Bool) -> [Float] {
        let (shape, normalization) = (dataset.shape, dataset.normalization)
        var result: [Float] = []
        for channel in 0..<shape.channels {
            for y in 0..<shape.height {
                for x in 0..<shape.width {
                    let (row, column) = (y + dy - padding, (mirrored ? shape.width - 1 - x : x) + dx - padding)
                    let inside = (0..<shape.height).contains(row) && (0..<shape.width).contains(column)
                    let at = ((sample * shape.channels + channel) * shape.height + row) * shape.width + column
                    let pixel: UInt8 = inside ? dataset.pixels[at] : 0
                    result.append(
                        (Float(pixel) / 255 - Float(normalization.mean[channel])) / Float(normalization.std[channel]))
                }
            }
        }
        return result
    }

    @Test func `without augmentation an image is normalized and nothing else`() {
        for epoch in 0..<2 {
            let written = images(dataset, .none, epoch: epoch)
            for sample in 0..<dataset.count {
                #expect(written[sample] == window(sample, padding: 0, dy: 0, dx: 0, mirrored: false))
            }
        }
    }

    @Test(arguments: [(0, true), (1, false), (4, false), (4, true)])
    func `every image is a window of the zero-padded image, and every window occurs`(padding: Int, flips: Bool) {
        var seen: [[Int]: Int] = [:]
        var draws = 0
        for epoch in 0..<40 {
            let written = images(dataset, CropAndFlip(cropPadding: padding, flips: flips), epoch: epoch)
            for sample in 0..<dataset.count {
                var matches: [[Int]] = []
                for mirrored in flips ? [false, true] : [false] {
                    for dy in 0...2 * padding {
                        for dx in 0...2 * padding
                        where written[sample] == window(sample, padding: padding, dy: dy, dx: dx, mirrored: mirrored) {
                            matches.append([dy, dx, mirrored ? 1 : 0])
                        }
                    }
                }
                #expect(!matches.isEmpty, "seed 4, epoch \(epoch), sample \(sample)")
                // Windows outside a small image are all black and cannot be distinguished.
                if matches.count == 1 { seen[matches[0], default: 0] += 1 }
                draws += 1
            }
        }
        // Of images 3 rows by 4 columns, those moved by less than that show something of themselves.
        for dy in 0...2 * padding where abs(dy - padding) < 3 {
            for dx in 0...2 * padding where abs(dx - padding) < 4 {
                for mirrored in flips ? [0, 1] : [0] {
                    let expected = Double(draws) / Double((2 * padding + 1) * (2 * padding + 1) * (flips ? 2 : 1))
                    let count = Double(seen[[dy, dx, mirrored], default: 0])
                    #expect(abs(count - expected) < 6 * expected.squareRoot(), "\(dy) \(dx) \(mirrored): \(count)")
                }
            }
        }
    }

    @Test func `choices depend on seed, epoch and sample, and repeat`() {
        let augmentation = CropAndFlip(cropPadding: 2, flips: true)
        let first = images(dataset, augmentation, epoch: 0)
        #expect(images(dataset, augmentation, epoch: 0) == first)
        #expect(images(dataset, augmentation, epoch: 1) != first)
        #expect(images(dataset, augmentation, seed: 5, epoch: 0) != first)
    }

    @Test func `basic crops and flips what may be cropped and flipped`() {
        #expect(DatasetEntry.cifar10.basicAugmentation == CropAndFlip(cropPadding: 4, flips: true))
        #expect(DatasetEntry.cifar100.basicAugmentation == CropAndFlip(cropPadding: 4, flips: true))
        #expect(DatasetEntry.fashionMNIST.basicAugmentation == CropAndFlip(cropPadding: 0, flips: true))
        #expect(DatasetEntry.mnist.basicAugmentation == CropAndFlip(cropPadding: 4, flips: false))
    }
}
