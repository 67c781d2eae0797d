import Datasets
import Testing

@Suite struct KeyedPermutationTests {
    @Test(arguments: Array(1...70) + [127, 128, 129, 1000, 4096, 4097, 60_000])
    func `every element comes exactly once`(count: Int) {
        for epoch in 0..<3 {
            let order = KeyedPermutation(count: count, seed: 9, epoch: epoch)
            var seen = [Bool](repeating: false, count: count)
            for position in 0..<count { seen[order[position]] = true }
            #expect(!seen.contains(false), "seed 9, epoch \(epoch)")
        }
    }

    @Test func `huge ranges are permuted without memory`() {
        let count = 1_281_167 * 100_003
        let order = KeyedPermutation(count: count, seed: 1, epoch: 2)
        let elements = (0..<1000).map { order[count - 1 - $0] }
        #expect(Set(elements).count == 1000 && elements.allSatisfy { $0 >= 0 && $0 < count })
    }

    @Test func `seed and epoch change the order, and all bits of the seed count`() {
        func order(_ seed: UInt64, _ epoch: Int) -> [Int] {
            let order = KeyedPermutation(count: 1000, seed: seed, epoch: epoch)
            return (0..<1000).map { order[$0] }
        }
        let orders = [order(1, 0), order(1, 1), order(2, 0), order(1 << 63 | 1, 0)]
        for (first, a) in orders.enumerated() {
            for b in orders[..<first] {
                // Two random orders agree in one place on average.
                #expect(zip(a, b).count { $0 == $1 } < 12)
            }
        }
        #expect(order(1, 1) == orders[1])
    }

    @Test(arguments: [1000, 60_000]) func `the order is well mixed`(count: Int) {
        let order = KeyedPermutation(count: count, seed: 7, epoch: 0)
        let elements = (0..<count).map { order[$0] }
        // Neighbours: steps between them are as uniform as those of a random order, n/3 on average.
        let steps = zip(elements, elements.dropFirst()).map { Double(abs($0 - $1)) }
        #expect(abs(steps.reduce(0, +) / Double(count) / Double(count) - 1.0 / 3) < 0.03)
        // Position and element: a chi-squared of a 10 x 10 table has 81 degrees of freedom, deviation 13.
        var table = [Double](repeating: 0, count: 100)
        for (position, element) in elements.enumerated() {
            table[position * 10 / count * 10 + element * 10 / count] += 1
        }
        let expected = Double(count) / 100
        let chiSquared = table.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
        #expect(chiSquared > 30 && chiSquared < 150, "chi-squared \(chiSquared)")
    }

    @Test func `every order of three elements occurs`() {
        let orders = (0..<200).map { epoch in
            let order = KeyedPermutation(count: 3, seed: 5, epoch: epoch)
            return [order[0], order[1], order[2]]
        }
        #expect(Set(orders).count == 6)
    }
}

@Suite struct EpochSamplerTests {
    @Test(arguments: [(1, 1), (10, 3), (12, 4), (5, 8)])
    func `an epoch's batches hold every sample once`(count: Int, batchSize: Int) {
        let sampler = EpochSampler(sampleCount: count, batchSize: batchSize, seed: 3)
        #expect(sampler.stepsPerEpoch == (count + batchSize - 1) / batchSize)
        for epoch in 0..<3 {
            let positions = (0..<sampler.stepsPerEpoch).flatMap { Array(sampler.positions(ofStepInEpoch: $0)) }
            #expect(positions == Array(0..<count))
            #expect(positions.map { sampler.sampleIndex(epoch: epoch, position: $0) }.sorted() == Array(0..<count))
        }
    }

    @Test(arguments: [0, 1, 7, 100, 10_000]) func `evaluation shards hold every sample once, in equal parts`(count: Int)
    {
        for ranks in 1...9 {
            let shards = (0..<ranks).map { EpochSampler.evaluationShard(count: count, rank: $0, ranks: ranks) }
            #expect(shards.flatMap(Array.init) == Array(0..<count))
            let sizes = shards.map(\.count)
            #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
        }
    }
}
