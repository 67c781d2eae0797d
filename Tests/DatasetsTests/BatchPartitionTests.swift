import Datasets
import Testing

private let batchSizes = [1, 2, 6, 8, 12, 36, 48, 60, 72, 128, 840]

/// Every M that goes with B and R.
private func sharpnesses(_ batchSize: Int, _ ranks: Int) -> [BatchPartition] {
    (1...batchSize).compactMap {
        try? BatchPartition(batchSize: batchSize, mSharpness: $0, ranks: ranks, sampleCount: 10_000)
    }
}

@Suite struct BatchPartitionTests {
    @Test(arguments: 1...9) func `every position is evaluated once, in whole groups, on any rank count`(ranks: Int) {
        for batchSize in batchSizes where batchSize % ranks == 0 {
            for partition in sharpnesses(batchSize, ranks) {
                for batchCount in Set([1, 2, batchSize / 3, batchSize / 2 + 1, batchSize - 1, batchSize])
                where (1...batchSize).contains(batchCount) {
                    let context: Comment = "B \(batchSize), M \(partition.mSharpness), n \(batchCount)"
                    let perRank = (0..<ranks).map { partition.shares(batchCount: batchCount, rank: $0) }
                    let shares = perRank.flatMap(\.self)
                    #expect(shares.flatMap { Array($0.positions) } == Array(0..<batchCount), context)

                    let groups = (batchCount + partition.mSharpness - 1) / partition.mSharpness
                    #expect(Set(shares.map(\.groupIndex)) == Set(0..<groups), context)
                    for share in shares {
                        let whole = shares.filter { $0.groupIndex == share.groupIndex }
                        #expect(whole.reduce(0) { $0 + $1.positions.count } == share.groupSize, context)
                        #expect(share.groupSize <= partition.mSharpness, context)
                        let (first, end) = (
                            share.groupIndex * batchCount / groups, (share.groupIndex + 1) * batchCount / groups
                        )
                        #expect(share.positions.lowerBound >= first && share.positions.upperBound <= end, context)
                    }
                    for held in perRank {
                        #expect(
                            held.flatMap { Array($0.samples) } == Array(0..<held.reduce(0) { $0 + $1.samples.count }))
                        #expect(held.allSatisfy { $0.samples.count == $0.positions.count }, context)
                        #expect(held.reduce(0) { $0 + $1.samples.count } <= batchSize / ranks, context)
                    }
                }
            }
        }
    }

    @Test(arguments: [1, 4, 16, 64, 128], [1, 50, 127, 128])
    func `groups depend on M, not on the rank count`(mSharpness: Int, batchCount: Int) throws {
        func groups(ranks: Int) throws -> [Range<Int>] {
            let partition = try BatchPartition(
                batchSize: 128, mSharpness: mSharpness, ranks: ranks, sampleCount: 1000)
            return (0..<partition.groupCount(batchCount: batchCount)).map {
                partition.positions(ofGroup: $0, batchCount: batchCount)
            }
        }
        for ranks in [2, 4, 8, 16, 128] { #expect(try groups(ranks: ranks) == groups(ranks: 1)) }
    }

    @Test func `shares are cut as the examples say`() throws {
        func shares(_ mSharpness: Int, _ batchCount: Int, rank: Int) throws -> [GroupShare] {
            try BatchPartition(batchSize: 16, mSharpness: mSharpness, ranks: 4, sampleCount: 100)
                .shares(batchCount: batchCount, rank: rank)
        }
        // M below the rank's four samples: two groups each; a last batch of 5 has three groups, none for rank 0.
        #expect(try shares(2, 16, rank: 1).map(\.positions) == [4..<6, 6..<8])
        #expect(try shares(2, 16, rank: 1).map(\.groupIndex) == [2, 3])
        #expect(try shares(2, 16, rank: 1).map(\.samples) == [0..<2, 2..<4])
        #expect(try (0..<4).map { try shares(2, 5, rank: $0).map(\.positions) } == [[], [0..<1], [1..<3], [3..<5]])
        // M above it: ranks 2 and 3 split group 1, and are idle where a last batch has but one group.
        #expect(try shares(8, 16, rank: 3).map(\.positions) == [12..<16])
        #expect(try shares(8, 16, rank: 3).map(\.groupIndex) == [1])
        #expect(try shares(8, 16, rank: 3).map(\.groupSize) == [8])
        #expect(try (0..<4).map { try shares(8, 5, rank: $0).map(\.positions) } == [[0..<2], [2..<5], [], []])
        // The whole batch, with fewer samples than ranks.
        #expect(try (0..<4).map { try shares(16, 3, rank: $0).map(\.positions.count) } == [[0], [1], [1], [1]])
    }

    @Test(arguments: [(4, 1), (16, 1), (32, 2), (64, 4), (128, 8)])
    func `sets of ranks share a group above the rank's part`(mSharpness: Int, ranksPerGroup: Int) throws {
        let partition = try BatchPartition(batchSize: 128, mSharpness: mSharpness, ranks: 8, sampleCount: 1000)
        #expect(partition.ranksPerGroup == ranksPerGroup)
        for rank in 0..<8 where ranksPerGroup > 1 {
            #expect(partition.shares(batchCount: 128, rank: rank).map(\.groupIndex) == [rank / ranksPerGroup])
        }
    }

    @Test(arguments: [
        (0, 1, 1, "--batch-size is 0: it must be at least 1"),
        (8, -1, 1, "--m-sharpness is -1: it must be at least 1"),
        (100, 10, 8, "--batch-size 100 (global) is not divisible by 8 ranks: use 96 or 104, or another rank count"),
        (
            4, 1, 8,
            "8 ranks but only 4 samples in a global batch: raise --batch-size to a multiple of 8, or start at most 4 "
                + "ranks"
        ),
        (2048, 1, 1024, "1024 ranks but only 1000 samples in the training set: start at most 1000 ranks"),
        (128, 256, 2, "--m-sharpness 256 is more than the global batch of 128: use at most 128, or 'global'"),
        (
            128, 48, 2,
            "--m-sharpness 48 does not divide --batch-size 128 over 2 ranks (64 samples a rank) into equal parts: "
                + "use 32 or 64"
        ),
        // 8 divides 24, but neither does it divide a rank's 6 samples nor is it a multiple of them.
        (
            24, 8, 4,
            "--m-sharpness 8 does not divide --batch-size 24 over 4 ranks (6 samples a rank) into equal parts: use 6 "
                + "or 12"
        ),
    ])
    func `what does not go together is refused with what would`(
        batchSize: Int, mSharpness: Int, ranks: Int, message: String
    ) throws {
        let error = try #require(throws: BatchPartitionError.self) {
            try BatchPartition(batchSize: batchSize, mSharpness: mSharpness, ranks: ranks, sampleCount: 1000)
        }
        #expect(error.description == message)
    }
}
