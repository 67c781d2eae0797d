import Datasets
import Testing
import Vectors

private let dataset = smallDataset(count: 50)
private let source = AugmentedImages(dataset, transform: CropAndFlip(cropPadding: 1, flips: true), seed: 8)
private let shape = dataset.shape

/// What one position of a global batch held.
private struct Seen: Equatable {
    let number: Int
    let labels: [Int32]
    let weight: Float
    let pixels: [Float]
}

/// Every step's global batch by position, put together from all ranks.
private func batches(
    _ mixing: BatchMixing, ranks: Int, mSharpness: Int, batchSize: Int = 16, steps: Range<Int>, copies: Int = 1
) throws -> [[Int: Seen]] {
    let sampler = EpochSampler(sampleCount: 50, batchSize: batchSize, seed: 8, copies: copies)
    let partition = try BatchPartition(
        batchSize: batchSize, mSharpness: mSharpness, ranks: ranks, sampleCount: 50)
    let loaders = try (0..<ranks).map { rank in
        try BatchLoader(
            source: source, sampler: sampler, partition: partition, rank: rank, steps: steps, mixing: mixing,
            threads: 2)
    }
    return try steps.map { _ in
        var seen: [Int: Seen] = [:]
        for loader in loaders {
            let batch = try #require(try loader.next())
            #expect(batch.secondLabels.count == batch.count && batch.weights.count == batch.count)
            for (position, place) in batch.shares.flatMap({ zip($0.positions, $0.samples) }) {
                seen[position] = Seen(
                    number: batch.sampleIndices[place], labels: [batch.labels[place], batch.secondLabels[place]],
                    weight: batch.weights[place],
                    pixels: batch.pixels.slice(place * shape.count..<(place + 1) * shape.count).array)
            }
        }
        return seen
    }
}

private func pixels(_ number: Int, epoch: Int) -> [Float] {
    let written = FlatVector(count: shape.count)
    source.write(number, epoch: epoch, into: written.pointer, using: SampleWorkspace())
    return written.array
}

@Suite(.timeLimit(.minutes(2))) struct BatchMixingTests {
    private static let both = BatchMixing(mixUp: 0.8, cutMix: 1)

    @Test(arguments: [2, 4, 8, 16], [4, 8, 16])
    func `samples are mixed alike on any rank count`(ranks: Int, mSharpness: Int) throws {
        for mixing in [Self.both, .torchvision(mixUp: 0.2, cutMix: 1)] {
            #expect(
                try batches(mixing, ranks: ranks, mSharpness: mSharpness, steps: 0..<8)
                    == batches(mixing, ranks: 1, mSharpness: mSharpness, steps: 0..<8))
        }
    }

    @Test(arguments: [2, 3, 4, 8]) func `mixed within the batch they depend on no sharpness either`(ranks: Int) throws {
        var mixing = Self.both
        mixing.group = .batch
        #expect(
            try batches(mixing, ranks: ranks, mSharpness: 24 / ranks, batchSize: 24, steps: 0..<6)
                == batches(mixing, ranks: 1, mSharpness: 1, batchSize: 24, steps: 0..<6))
    }

    @Test(arguments: [BatchMixing.Pairing.mirrored, .previous]) func `a sample is mixed with its partner of the group`(
        pairing: BatchMixing.Pairing
    ) throws {
        var mixing = Self.both
        mixing.pairing = pairing
        let sampler = EpochSampler(sampleCount: 50, batchSize: 16, seed: 8)
        let partition = try BatchPartition(batchSize: 16, mSharpness: 8, ranks: 2, sampleCount: 50)
        var (cut, weights) = (0, Set<Float>())
        for (step, batch) in try batches(mixing, ranks: 2, mSharpness: 8, steps: 0..<40).enumerated() {
            let (epoch, stepInEpoch) = step.quotientAndRemainder(dividingBy: 4)
            #expect(batch.count == (stepInEpoch == 3 ? 2 : 16))
            let groups = partition.groupCount(batchCount: batch.count)
            for group in 0..<groups {
                let positions = partition.positions(ofGroup: group, batchCount: batch.count)
                let mix = mixing.mix(step: step, group: group, seed: 8, height: shape.height, width: shape.width)
                weights.insert(mix.weight)
                cut += mix.window == nil ? 0 : 1
                for position in positions {
                    let partner = mixing.partner(of: position, in: positions)
                    let seen = try #require(batch[position])
                    let numbers = [position, partner].map {
                        sampler.sampleIndex(epoch: epoch, position: 16 * stepInEpoch + $0)
                    }
                    #expect(seen.number == numbers[0] && seen.weight == mix.weight)
                    #expect(seen.labels == numbers.map { dataset.labels[$0] })
                    #expect(
                        seen.pixels
                            == expected(pixels(numbers[0], epoch: epoch), pixels(numbers[1], epoch: epoch), mix))
                }
            }
        }
        // 70 groups, of which half are cut; a λ of its own each, as far as a small image's parts differ.
        #expect((20...50).contains(cut) && weights.count > 30, "\(cut), \(weights.count)")
    }

    /// By the definition.
    private func expected(_ first: [Float], _ second: [Float], _ mix: SampleMix) -> [Float] {
        var inside = 0
        let result = first.indices.map { index -> Float in
            guard let window = mix.window else { return first[index] * mix.weight + second[index] * (1 - mix.weight) }
            let (row, column) = (index / shape.width % shape.height, index % shape.width)
            let isCut =
                (window.top..<window.top + window.height).contains(row)
                && (window.left..<window.left + window.width).contains(column)
            inside += isCut ? 1 : 0
            return isCut ? second[index] : first[index]
        }
        if mix.window != nil { #expect(abs(mix.weight - (1 - Float(inside) / Float(first.count))) < 1e-6) }
        return result
    }

    @Test func `partners are a permutation within the group, and mirrored ones pairs`() {
        for size in 1...9 {
            let group = 5..<5 + size
            for pairing in BatchMixing.Pairing.allCases {
                var mixing = Self.both
                mixing.pairing = pairing
                let partners = group.map { mixing.partner(of: $0, in: group) }
                #expect(partners.sorted() == Array(group))
                if pairing == .mirrored {
                    #expect(group.allSatisfy { mixing.partner(of: partners[$0 - 5], in: group) == $0 })
                }
            }
        }
    }

    @Test func `a rectangle is timm's or torchvision's with the same draws`() throws {
        for golden in try augmentationGoldens("rectangle") {
            let form = try #require(BatchMixing.Rectangle(rawValue: golden[1]))
            let numbers = try golden[2..<9].map { try #require(Int($0)) }
            var weights = RandomStream(seed: 9, purpose: .test, index: 100 + numbers[0])
            let weight = Double(weights.next() >> 11) * 0x1p-53
            var stream = RandomStream(seed: 9, purpose: .test, index: numbers[0])
            let window = form.window(weight: weight, height: numbers[1], width: numbers[2], stream: &stream)
            #expect(
                window
                    == PixelWindow(top: numbers[3], left: numbers[4], height: numbers[5], width: numbers[6]),
                "\(golden)")
            let rest = 1 - Double(window.height * window.width) / Double(numbers[1] * numbers[2])
            #expect(abs(rest - (try #require(Double(golden[9])))) < 1e-6, "\(golden)")
        }
    }

    @Test(arguments: [1e-5, 0.05, 0.2, 0.8, 1, 1.5, 4, 20])
    func `the beta distribution has its moments`(alpha: Double) {
        let (distribution, draws) = (BetaDistribution(alpha: alpha), 100_000)
        var moments = [0.0, 0.0, 0.0]
        for index in 0..<draws {
            var stream = RandomStream(seed: 4, purpose: .test, index: index)
            let value = distribution.draw(&stream)
            #expect(value >= 0 && value <= 1)
            for (moment, power) in [1, 2, 4].enumerated() {
                moments[moment] += (0..<power).reduce(1.0) { product, _ in product * (value - 0.5) } / Double(draws)
            }
        }
        let variance = 1 / (4 * (2 * alpha + 1))
        let fourth = 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3))
        #expect(abs(moments[0]) < 5 * (variance / Double(draws)).squareRoot(), "\(moments)")
        #expect(abs(moments[1] / variance - 1) < 0.02 && abs(moments[2] / fourth - 1) < 0.04, "\(moments)")
    }

    @Test func `Google's mixing keeps the larger part, and a probability leaves groups alone`() {
        var sometimes = BatchMixing(mixUp: 1)
        sometimes.probability = 0.25
        let mixes = (0..<2000).map { step in
            (
                BatchMixing.sam(mixUp: 0.2).mix(step: step, group: 0, seed: 1, height: 4, width: 4),
                sometimes.mix(step: step, group: 0, seed: 1, height: 4, width: 4)
            )
        }
        #expect(mixes.allSatisfy { $0.0.weight >= 0.5 })
        #expect((430...570).contains(mixes.count { $0.1 != .none }))
    }

    @Test func `repeated augmentation gives copies in succession, other ones of the same samples, on any rank count`()
        throws
    {
        let off = BatchMixing(mixUp: 0)
        let whole = try batches(off, ranks: 1, mSharpness: 4, steps: 0..<4, copies: 3)
        #expect(try batches(off, ranks: 4, mSharpness: 4, steps: 0..<4, copies: 3) == whole)
        let seen = (0..<50).compactMap { whole[$0 / 16][$0 % 16] }
        let order = EpochSampler(sampleCount: 50, batchSize: 16, seed: 8).order(epoch: 0)
        #expect(seen.map { $0.number % 50 } == (0..<50).map { order[$0 / 3] })
        #expect(seen.map { $0.number / 50 } == (0..<50).map { $0 % 3 })
        #expect(seen.allSatisfy { $0.labels[0] == dataset.labels[$0.number % 50] })
        #expect(seen.allSatisfy { $0.pixels == pixels($0.number, epoch: 0) })
        // Crops and flips of the copies differ in most of the samples; the first copy is the sample itself.
        let differing = (0..<16).count { seen[3 * $0].pixels != seen[3 * $0 + 1].pixels }
        #expect(differing > 8)
    }

    @Test func `a chain of basic alone is basic, and of one channel too`() {
        for channels in [1, 3] {
            let shape = ImageShape(channels: channels, height: 7, width: 9)
            let pixels = (0..<shape.count).map { UInt8(truncatingIfNeeded: 31 * $0) }
            let levels = (0..<channels * 256).map { Float($0) / 7 }
            for index in 0..<200 {
                let basic = CropAndFlip(cropPadding: index % 5 * 3, flips: true)
                let results = [basic as any Transform, PixelChain([basic])].map { transform in
                    var stream = RandomStream(seed: 1, purpose: .test, index: index)
                    let target = FlatVector(count: shape.count)
                    pixels.withUnsafeBufferPointer { pixels in
                        levels.withUnsafeBufferPointer { levels in
                            transform.write(
                                pixels, shape, levels: levels, stream: &stream, into: target.pointer,
                                using: ImageWorkspace())
                        }
                    }
                    return target.array
                }
                #expect(results[0] == results[1], "index \(index)")
            }
        }
    }

    @Test(arguments: transformCatalog.names) func `every augmentation of CIFAR-10 changes images, by sample and epoch`(
        name: String
    ) throws {
        let entry = try transformCatalog.entry(name)
        let shape = ImageShape(channels: 3, height: 32, width: 32)
        let images = ImageDataset(
            name: "noise", shape: shape, classCount: 1,
            pixels: (0..<12 * shape.count).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) },
            labels: Array(repeating: 0, count: 12), normalization: DatasetEntry.cifar10.normalization)
        let source = images.samples(entry.augmentation(of: .cifar10, ImageGeometry()), seed: 2)
        let workspace = SampleWorkspace()
        func written(_ number: Int, epoch: Int) throws -> [Float] {
            let target = FlatVector(count: shape.count)
            try source.write(number, epoch: epoch, into: target.pointer, using: workspace)
            return target.array
        }
        let first = try (0..<12).map { try written($0, epoch: 0) }
        #expect(try (0..<12).map { try written($0, epoch: 0) } == first)
        let changed = try (0..<12).count { try written($0, epoch: 1) != first[$0] }
        #expect(name == "none" ? changed == 0 : changed > 8)
        #expect(first.flatMap(\.self).allSatisfy { $0.isFinite })
    }
}
