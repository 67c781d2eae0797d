import Datasets
import Glibc
import Synchronization
import Testing
import Vectors

/// What one position of a global batch held.
private struct Seen: Equatable {
    let sample: Int
    let label: Int32
    let pixels: [Float]
}

private let dataset = smallDataset(count: 50)
private let source = AugmentedImages(dataset, transform: CropAndFlip(cropPadding: 1, flips: true), seed: 8)
private let sampler = EpochSampler(sampleCount: 50, batchSize: 16, seed: 8)

private func makeLoader(
    _ source: any SampleSource = source, ranks: Int = 1, rank: Int = 0, mSharpness: Int = 4, steps: Range<Int>
) throws -> BatchLoader {
    let partition = try BatchPartition(batchSize: 16, mSharpness: mSharpness, ranks: ranks, sampleCount: 50)
    return try BatchLoader(source: source, sampler: sampler, partition: partition, rank: rank, steps: steps)
}

/// Every step's global batch by position, put together from all ranks.
private func batches(ranks: Int, mSharpness: Int = 4, steps: Range<Int>) throws -> [[Int: Seen]] {
    let loaders = try (0..<ranks).map { try makeLoader(ranks: ranks, rank: $0, mSharpness: mSharpness, steps: steps) }
    var result: [[Int: Seen]] = []
    for step in steps {
        var seen: [Int: Seen] = [:]
        for loader in loaders {
            let batch = try #require(try loader.next())
            #expect(batch.step == step && batch.epoch == step / 4 && batch.batchCount == (step % 4 == 3 ? 2 : 16))
            #expect(batch.labels.count == batch.count && batch.sampleIndices.count == batch.count)
            #expect(batch.pixels.count == batch.capacity * dataset.shape.count && batch.capacity <= 16 / ranks)
            for share in batch.shares {
                for (position, sample) in zip(share.positions, share.samples) {
                    let size = dataset.shape.count
                    #expect(seen[position] == nil)
                    seen[position] = Seen(
                        sample: batch.sampleIndices[sample], label: batch.labels[sample],
                        pixels: batch.pixels.slice(sample * size..<(sample + 1) * size).array)
                }
            }
        }
        result.append(seen)
    }
    for loader in loaders { #expect(try loader.next() == nil && loader.next() == nil) }
    return result
}

@Suite(.timeLimit(.minutes(2))) struct BatchLoaderTests {
    @Test func `an epoch gives every sample once, in the sampler's order, augmented and labelled as it should be`()
        throws
    {
        for (epoch, steps) in [0..<4, 4..<8].enumerated() {
            let bySteps = try batches(ranks: 1, steps: steps)
            for (step, batch) in bySteps.enumerated() {
                for (position, one) in batch {
                    #expect(one.sample == sampler.sampleIndex(epoch: epoch, position: 16 * step + position))
                }
            }
            let seen = bySteps.flatMap(\.values)
            #expect(seen.map(\.sample).sorted() == Array(0..<50))
            for one in seen {
                let expected = FlatVector(count: dataset.shape.count)
                source.write(one.sample, epoch: epoch, into: expected.pointer, using: SampleWorkspace())
                #expect(one.pixels == expected.array && one.label == dataset.labels[one.sample])
            }
        }
    }

    @Test(arguments: [2, 4, 8, 16], [2, 4, 16])
    func `batches are the same on any rank count`(ranks: Int, mSharpness: Int) throws {
        #expect(
            try batches(ranks: ranks, mSharpness: mSharpness, steps: 0..<8)
                == batches(ranks: 1, mSharpness: mSharpness, steps: 0..<8))
    }

    @Test(arguments: [1, 3, 4, 6]) func `a loader that starts in the middle continues as from the beginning`(start: Int)
        throws
    {
        let whole = try batches(ranks: 2, steps: 0..<9)
        #expect(try batches(ranks: 2, steps: start..<9) == Array(whole[start...]))
    }

    @Test func `a batch stays as it was until the following call`() throws {
        let loader = try makeLoader(steps: 0..<40)
        for _ in 0..<10 {
            let batch = try #require(try loader.next())
            let (pixels, samples) = (batch.pixels.array, batch.sampleIndices)
            // Long enough for the thread to fill every slot that it may.
            usleep(2000)
            #expect(batch.pixels.array == pixels && batch.sampleIndices == samples)
        }
    }

    @Test func `a thousand steps go through the same few buffers`() throws {
        let loader = try makeLoader(steps: 0..<1000)
        var pixels: Set<UnsafeMutablePointer<Float>> = []
        var labels: Set<UnsafePointer<Int32>?> = []
        while let batch = try loader.next() {
            pixels.insert(batch.pixels.pointer)
            labels.insert(batch.labels.withUnsafeBufferPointer(\.baseAddress))
        }
        #expect(pixels.count == 3 && labels.count == 3)
    }

    @Test func `no steps give no batch`() throws {
        #expect(try makeLoader(steps: 7..<7).next() == nil)
    }

    @Test(arguments: [0, 1, 3]) func `a loader dropped early stops its thread and frees its source`(taken: Int) throws {
        final class Token: Sendable {}
        struct Tracked: SampleSource {
            let token: Token
            var count: Int { 50 }
            var shape: ImageShape { ImageShape(channels: 1, height: 1, width: 1) }
            func label(of sample: Int) -> Int32 { 0 }
            func write(
                _ sample: Int, epoch: Int, into target: UnsafeMutablePointer<Float>, using workspace: SampleWorkspace
            ) { usleep(50) }
        }
        weak var token: Token?
        do {
            let owned = Token()
            token = owned
            let loader = try makeLoader(Tracked(token: owned), steps: 0..<1_000_000)
            for _ in 0..<taken { #expect(try loader.next() != nil) }
        }
        // The thread held the last reference but ours: it has ended.
        #expect(token == nil)
    }

    @Test func `what the source throws comes out in its turn, and again`() throws {
        struct Damaged: Error, Equatable { let sample: Int }
        struct Failing: SampleSource {
            let bad: Int
            var count: Int { 50 }
            var shape: ImageShape { ImageShape(channels: 1, height: 1, width: 1) }
            func label(of sample: Int) -> Int32 { 0 }
            func write(
                _ sample: Int, epoch: Int, into target: UnsafeMutablePointer<Float>, using workspace: SampleWorkspace
            ) throws {
                if sample == bad { throw Damaged(sample: sample) }
            }
        }
        // The sample that comes at position 40: step 2.
        let bad = sampler.sampleIndex(epoch: 0, position: 40)
        let loader = try makeLoader(Failing(bad: bad), steps: 0..<8)
        #expect(try loader.next()?.step == 0)
        #expect(try loader.next()?.step == 1)
        for _ in 0..<3 { #expect(throws: Damaged(sample: bad)) { try loader.next() } }
    }
}

@Suite struct EvaluationLoaderTests {
    @Test(arguments: [1, 2, 3, 7]) func `shards give every sample once and in order, normalized only`(ranks: Int) throws
    {
        let plain = AugmentedImages(dataset)
        var samples: [Int] = []
        for rank in 0..<ranks {
            let shard = EpochSampler.evaluationShard(count: 50, rank: rank, ranks: ranks)
            let loader = EvaluationLoader(source: plain, shard: shard, batchSize: 8)
            for _ in 0..<2 {
                var held: [Int] = []
                while let batch = try loader.next() {
                    #expect(batch.count > 0 && batch.count <= 8 && batch.labels.count == batch.count)
                    for index in 0..<batch.count {
                        let sample = batch.sampleIndices[index]
                        let expected = FlatVector(count: dataset.shape.count)
                        plain.write(sample, epoch: 0, into: expected.pointer, using: SampleWorkspace())
                        let size = dataset.shape.count
                        #expect(batch.pixels.slice(index * size..<(index + 1) * size).array == expected.array)
                        #expect(batch.labels[index] == dataset.labels[sample])
                    }
                    held += batch.sampleIndices
                }
                #expect(held == Array(shard))
                loader.restart()
            }
            samples += Array(shard)
        }
        #expect(samples == Array(0..<50))
    }

    @Test func `an empty shard gives no batch`() throws {
        #expect(try EvaluationLoader(source: source, shard: 50..<50, batchSize: 8).next() == nil)
    }
}
