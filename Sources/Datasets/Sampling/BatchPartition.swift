/// One rank's share of one sharpness group: the samples behind one ascent direction ε.
package struct GroupShare: Sendable, Hashable {
    /// Positions in the global batch that this rank evaluates; may be empty.
    package let positions: Range<Int>
    /// The same samples, counted within this rank's part of the batch.
    package let samples: Range<Int>
    package let groupIndex: Int
    /// Samples in the group over all ranks.
    package let groupSize: Int
}

/// How a global batch is cut into sharpness groups, and these sharded over ranks.
///
/// A batch of n samples has ⌈n/M⌉ groups of sizes that differ by at most one, group k at positions
/// k·n/groups ..< (k+1)·n/groups: groups depend on M alone, never on the rank count. With M up to a rank's share
/// b = B/R whole groups go to each rank in order; above that, M/b consecutive ranks split each group.
package struct BatchPartition: Sendable, Equatable {
    /// Samples in a full global batch, B.
    package let batchSize: Int
    /// Samples behind one ascent direction, M.
    package let mSharpness: Int
    package let ranks: Int

    /// - Parameter sampleCount: samples in the data set.
    package init(batchSize: Int, mSharpness: Int, ranks: Int, sampleCount: Int) throws(BatchPartitionError) {
        for (value, option) in [(batchSize, "--batch-size"), (mSharpness, "--m-sharpness"), (ranks, "-np")]
        where value < 1 {
            throw .notPositive(option: option, value: value)
        }
        guard ranks <= sampleCount else { throw .moreRanksThanSamples(ranks: ranks, samples: sampleCount) }
        guard ranks <= batchSize else { throw .moreRanksThanBatch(ranks: ranks, batchSize: batchSize) }
        guard batchSize % ranks == 0 else { throw .batchNotDivisible(batchSize: batchSize, ranks: ranks) }
        guard mSharpness <= batchSize else {
            throw .mSharpnessAboveBatch(mSharpness: mSharpness, batchSize: batchSize)
        }
        guard Self.fits(mSharpness, batchSize: batchSize, ranks: ranks) else {
            throw .mSharpnessDoesNotFit(mSharpness: mSharpness, batchSize: batchSize, ranks: ranks)
        }
        self.batchSize = batchSize
        self.mSharpness = mSharpness
        self.ranks = ranks
    }

    /// M divides B, and of M and a rank's share one divides the other. (Then M/b divides R of itself.)
    static func fits(_ mSharpness: Int, batchSize: Int, ranks: Int) -> Bool {
        let share = batchSize / ranks
        return batchSize % mSharpness == 0 && (share % mSharpness == 0 || mSharpness % share == 0)
    }

    /// Consecutive ranks that split one group and average their clean gradients: 1 where groups lie within ranks.
    /// Rank r belongs to set r / ranksPerGroup.
    package var ranksPerGroup: Int { max(1, mSharpness / (batchSize / ranks)) }

    /// - Parameter batchCount: samples in this batch, 1 ... B.
    package func groupCount(batchCount: Int) -> Int { (batchCount - 1) / mSharpness + 1 }

    /// Positions of `group` in a batch of `batchCount`.
    package func positions(ofGroup group: Int, batchCount: Int) -> Range<Int> {
        precondition(batchCount > 0 && batchCount <= batchSize, "a batch of \(batchCount), at most \(batchSize)")
        return (0..<batchCount).part(group, of: groupCount(batchCount: batchCount))
    }

    /// What `rank` evaluates of a batch of `batchCount`, in ascending and adjoining positions. Empty where a short last
    /// batch leaves nothing for it; never more than B/R samples.
    package func shares(batchCount: Int, rank: Int) -> [GroupShare] {
        precondition(rank >= 0 && rank < ranks, "rank \(rank) of \(ranks)")
        let groups = groupCount(batchCount: batchCount)
        if ranksPerGroup > 1 {
            let group = rank / ranksPerGroup
            guard group < groups else { return [] }
            let whole = positions(ofGroup: group, batchCount: batchCount)
            let part = whole.part(rank % ranksPerGroup, of: ranksPerGroup)
            return [GroupShare(positions: part, samples: 0..<part.count, groupIndex: group, groupSize: whole.count)]
        }
        var held = 0
        return (0..<groups).part(rank, of: ranks).map { group in
            let whole = positions(ofGroup: group, batchCount: batchCount)
            defer { held += whole.count }
            return GroupShare(
                positions: whole, samples: held..<held + whole.count, groupIndex: group, groupSize: whole.count)
        }
    }
}

/// Why a batch size, M and rank count do not go together, with what would.
package enum BatchPartitionError: Error, Equatable, Sendable {
    case notPositive(option: String, value: Int)
    case moreRanksThanSamples(ranks: Int, samples: Int)
    case moreRanksThanBatch(ranks: Int, batchSize: Int)
    case batchNotDivisible(batchSize: Int, ranks: Int)
    case mSharpnessAboveBatch(mSharpness: Int, batchSize: Int)
    case mSharpnessDoesNotFit(mSharpness: Int, batchSize: Int, ranks: Int)
}

extension BatchPartitionError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notPositive(let option, let value):
            return "\(option) is \(value): it must be at least 1"
        case .moreRanksThanSamples(let ranks, let samples):
            return "\(ranks) ranks but only \(samples) samples in the training set: start at most \(samples) ranks"
        case .moreRanksThanBatch(let ranks, let batchSize):
            return
                "\(ranks) ranks but only \(batchSize) samples in a global batch: raise --batch-size to a multiple of "
                + "\(ranks), or start at most \(batchSize) ranks"
        case .batchNotDivisible(let batchSize, let ranks):
            let below = batchSize / ranks * ranks
            return "--batch-size \(batchSize) (global) is not divisible by \(ranks) ranks: use \(below) or "
                + "\(below + ranks), or another rank count"
        case .mSharpnessAboveBatch(let mSharpness, let batchSize):
            return
                "--m-sharpness \(mSharpness) is more than the global batch of \(batchSize): use at most \(batchSize), "
                + "or 'global'"
        case .mSharpnessDoesNotFit(let mSharpness, let batchSize, let ranks):
            let fitting = (1...batchSize).filter { BatchPartition.fits($0, batchSize: batchSize, ranks: ranks) }
            let below = fitting.last { $0 < mSharpness } ?? 1
            let above = fitting.first { $0 > mSharpness } ?? batchSize
            return "--m-sharpness \(mSharpness) does not divide --batch-size \(batchSize) over \(ranks) ranks "
                + "(\(batchSize / ranks) samples a rank) into equal parts: use \(below) or \(above)"
        }
    }
}
