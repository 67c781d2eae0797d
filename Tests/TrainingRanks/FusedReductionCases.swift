import CTestSupport
import Collectives
import RankCases
import Training
import Vectors

private let agreed: UInt64 = 0xFEDC_BA98_7654_3210

/// One bit apart from what the others hold.
private func fingerprint(_ world: Communicator, corrupted: Int) -> UInt64 {
    world.rank == corrupted ? agreed ^ (1 << 37) : agreed
}

let fusedReductionCases = [
    RankCase(name: "gradient-statistics-and-scalars-are-summed") { world in
        let reduction = try FusedReduction(gradientCount: 1000, statisticsCount: 6, communicator: world)
        let ranks = world.size * (world.size - 1) / 2
        // Twice, as the second step starts from the first's sums in the tail.
        for step in 1...2 {
            for index in 0..<1000 { reduction.gradient[index] = Float(step * (world.rank + index)) }
            for index in 0..<6 { reduction.statistics[index] = Float(world.rank * index) / 4 }
            var scalars = StepScalars()
            scalars.forEachField { index, value in value = Double(index + 1) * 0x1p-44 + Double(world.rank * step) }
            try reduction.reduce(scalars: &scalars, fingerprint: agreed &* UInt64(step))
            for index in 0..<1000 {
                try checkEqual(
                    reduction.gradient[index], Float(step * (ranks + index * world.size)), "gradient \(index)")
            }
            for index in 0..<6 {
                try checkEqual(reduction.statistics[index], Float(ranks * index) / 4, "statistic \(index)")
            }
            var expected = StepScalars()
            expected.forEachField { index, value in
                value = Double((index + 1) * world.size) * 0x1p-44 + Double(ranks * step)
            }
            // A plain float32 sum would have lost the 2⁻⁴⁴.
            try checkEqual(scalars, expected, "scalars of step \(step)")
        }
    },
    RankCase(name: "buckets-sum-to-the-same-however-early-each-rank-sends-them") { world in
        let (count, statisticsCount) = (10_000, 20)
        let whole = try FusedReduction(gradientCount: count, statisticsCount: statisticsCount, communicator: world)
        let buckets = try FusedReduction(
            gradientCount: count, statisticsCount: statisticsCount, bucketBytes: 4000, communicator: world)
        try checkEqual(buckets.bucketCount, world.size == 1 ? 1 : 10, "buckets")
        try checkEqual(buckets.byteCount, whole.byteCount, "bytes")
        for step in 1...4 {
            let before = (world.collectives, world.reducedBytes)
            // Rank 0 sends everything at the end, the others piece by piece, each in pieces of its own.
            let piece = world.rank == 0 ? count : 700 * world.rank
            var start = count
            while start > 0 {
                let next = max(0, start - piece)
                for index in next..<start { buckets.gradient[index] = Float(step * (world.rank + index)) }
                start = next
                if world.rank > 0 { try buckets.ready(from: start) }
            }
            for index in 0..<statisticsCount { buckets.statistics[index] = Float(world.rank * index) / 4 }
            var scalars = StepScalars()
            scalars.loss = Double(world.rank) + 0x1p-40
            try buckets.reduce(scalars: &scalars, fingerprint: agreed)
            try checkEqual(world.collectives - before.0, buckets.bucketCount, "collectives")
            try checkEqual(world.reducedBytes - before.1, buckets.byteCount, "reduced bytes")
            let ranks = world.size * (world.size - 1) / 2
            for index in 0..<count {
                try checkEqual(
                    buckets.gradient[index], Float(step * (ranks + index * world.size)), "gradient \(index)")
            }
            for index in 0..<statisticsCount {
                try checkEqual(buckets.statistics[index], Float(ranks * index) / 4, "statistic \(index)")
            }
            try checkEqual(scalars.loss, Double(ranks) + Double(world.size) * 0x1p-40, "loss")
        }
    },
    RankCase(name: "a-step-is-one-collective") { world in
        let group = try world.split(color: 0, key: world.rank)
        let reduction = try FusedReduction(gradientCount: 12_345, statisticsCount: 67, communicator: group)
        let before = (group.collectives, group.reducedBytes)
        let tail = StepScalars.fieldCount * 8 + 18
        for step in 1...10 {
            var scalars = StepScalars()
            scalars.loss = 1
            try reduction.reduce(scalars: &scalars, fingerprint: agreed)
            try checkEqual(group.collectives - before.0, step, "collectives after \(step) steps")
            try checkEqual(group.reducedBytes - before.1, step * 4 * (12_345 + 67 + tail), "bytes")
            try checkEqual(scalars.loss, Double(world.size), "loss")
        }
        try checkEqual(reduction.byteCount, 4 * (12_345 + 67 + tail), "bytes a step")
    },
    RankCase(name: "non-finite-scalars-stay-so") { world in
        let reduction = try FusedReduction(gradientCount: 1, statisticsCount: 0, communicator: world)
        var scalars = StepScalars()
        let isLast = world.rank == world.size - 1
        scalars.loss = isLast ? .nan : 1
        scalars.ascentLoss = isLast ? .infinity : 1
        scalars.descentLoss = isLast ? -0x1p100 : 1
        scalars.gradientNorm = 1
        try reduction.reduce(scalars: &scalars, fingerprint: agreed)
        try check(scalars.loss.isNaN, "loss is \(scalars.loss)")
        try checkEqual(scalars.ascentLoss, .infinity, "ascent loss")
        try checkEqual(scalars.descentLoss, -.infinity, "descent loss")
        try checkEqual(scalars.gradientNorm, Double(world.size), "gradient norm")
    },
    RankCase(name: "a-corrupted-replica-is-named-on-every-rank", leastRanks: 2) { world in
        let reduction = try FusedReduction(gradientCount: 10, statisticsCount: 0, communicator: world)
        for corrupted in 0..<world.size {
            var scalars = StepScalars()
            var thrown: ReplicaDisagreement?
            do {
                try reduction.reduce(scalars: &scalars, fingerprint: fingerprint(world, corrupted: corrupted))
            } catch let error as ReplicaDisagreement {
                thrown = error
            }
            let expected = (0..<world.size).map { $0 == corrupted ? agreed ^ (1 << 37) : agreed }
            try checkEqual(thrown, ReplicaDisagreement(fingerprints: expected), "disagreement")
            if world.size > 2 { try checkEqual(thrown?.differingRanks, [corrupted], "ranks that differ") }
            if world.size == 2 { try checkEqual(thrown?.majority, nil, "majority of two") }
            // All ranks are in step again.
            try reduction.reduce(scalars: &scalars, fingerprint: agreed)
        }
    },
    RankCase(name: "lengths-that-differ-are-refused", leastRanks: 2) { world in
        let error = try caughtError("a longer gradient on one rank") { () throws(MPIError) in
            do {
                _ = try FusedReduction(
                    gradientCount: world.rank == 0 ? 11 : 10, statisticsCount: 0, communicator: world)
            } catch let error as MPIError { throw error } catch {}
        }
        try check(error.text.contains("from 10 to 11"), "text is \(error.text)")
    },
    // Open MPI sums three and more numbers in an order of its own, by a message's length and the number of ranks.
    RankCase(name: "sums-in-buckets-are-bitwise-identical-however-early-each-rank-sends-them", leastRanks: 3) { world in
        let count = 10_000
        let values = (0..<world.size).map { rank in
            var stream = RandomStream(seed: 1, purpose: .test, index: rank)
            return (0..<count).map { _ in stream.normal() }
        }
        let (ascending, descending) = (0..<count).reduce(into: ([Float](), [Float]())) { sums, index in
            sums.0.append(values.reduce(0) { $0 + $1[index] })
            sums.1.append(values.reversed().reduce(0) { $0 + $1[index] })
        }
        try check(ascending != descending, "the order of the sums does not matter here")
        let buckets = try FusedReduction(
            gradientCount: count, statisticsCount: 0, bucketBytes: 4000, communicator: world)
        var first: [Float] = []
        for step in 0..<6 {
            // Ranks take turns in sending everything at the end; the others send pieces of their own.
            let piece = world.rank == step % world.size ? count : 300 + 400 * ((world.rank + step) % world.size)
            var start = count
            while start > 0 {
                let next = max(0, start - piece)
                for index in next..<start { buckets.gradient[index] = values[world.rank][index] }
                start = next
                if piece < count { try buckets.ready(from: start) }
            }
            var scalars = StepScalars()
            try buckets.reduce(scalars: &scalars, fingerprint: agreed)
            if step == 0 { first = buckets.gradient.array }
            try check(buckets.gradient.array == first, "sums of step \(step) differ from the first's")
        }
    },
    RankCase(name: "the-heap-stays-flat") { world in
        for bucketBytes in [nil, 4000] {
            let reduction = try FusedReduction(
                gradientCount: 5000, statisticsCount: 10, bucketBytes: bucketBytes, communicator: world)
            try checkEqual(reduction.bucketCount, bucketBytes == nil || world.size == 1 ? 1 : 5, "buckets")
            var scalars = StepScalars()
            func reduce(_ steps: Int) throws {
                for _ in 0..<steps {
                    scalars.loss = 1
                    for start in stride(from: 4000, through: 0, by: -1000) { try reduction.ready(from: start) }
                    try reduction.reduce(scalars: &scalars, fingerprint: agreed)
                }
            }
            // MPI's own pools grow at first, and with several reductions under way now and then by a block later: there
            // what is leaked every step is leaked in each of the intervals.
            try reduce(200)
            let growths = try (0..<3).map { _ in
                let before = cts_heap_bytes()
                try reduce(1000)
                return cts_heap_bytes() - before
            }
            // One Double a step leaked would be 16,000 bytes with malloc's least block of 16.
            let growth = reduction.bucketCount == 1 ? growths[0] : growths.min() ?? 0
            try check(
                growth < 16_000,
                "the heap grew by \(growths) bytes in 1000 steps each of \(reduction.bucketCount) buckets")
        }
    },
]

let fusedReductionFailingCases = [
    // A silent bit flip in one replica's weights must end the job.
    RankCase(name: "fail-corrupted-replica", leastRanks: 2) { world in
        let reduction = try FusedReduction(gradientCount: 100, statisticsCount: 0, communicator: world)
        let weights = FlatVector(count: 100)
        weights.fill(0.5)
        for step in 0..<5 {
            if step == 3 && world.rank == world.size - 1 { weights[17] = weights[17].nextUp }
            var scalars = StepScalars()
            try reduction.reduce(scalars: &scalars, fingerprint: weights.fingerprint())
        }
    }
]
