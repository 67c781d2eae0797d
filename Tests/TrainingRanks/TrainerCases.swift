import Collectives
import RankCases
import Training

/// Collectives and reduced bytes of each step but the first of a short run on synthetic images.
private func traffic(
    _ world: Communicator, _ settings: [(String, String)]
) throws -> (collectives: [Int], bytes: [Int], expectedBytes: Int) {
    var configuration = RunConfiguration()
    for (name, text) in [("dataset", "synthetic"), ("batch-size", "\(2 * world.size)"), ("steps", "5")] + settings {
        try configuration.apply(flag: name, text)
    }
    let trainer = try Trainer(configuration, world: world, purpose: .benchmark)
    var counts: [(Int, Int)] = []
    trainer.onStep = { [communicator = trainer.communicator] _ in
        counts.append((communicator.collectives, communicator.reducedBytes))
    }
    _ = try trainer.run()
    trainer.onStep = nil
    let steps = zip(counts.dropFirst(), counts)
    return (steps.map { $0.0 - $1.0 }, steps.map { $0.1 - $1.1 }, trainer.reducedBytesPerStep)
}

let trainerCases = [
    RankCase(name: "every-method-steps-with-one-collective-of-the-same-bytes") { world in
        var bytes: Set<Int> = []
        for method in ["sgd", "sam", "crsam"] {
            let found = try traffic(world, [("method", method)])
            try checkEqual(found.collectives, [1, 1, 1, 1], "\(method): collectives of each step")
            try checkEqual(found.bytes, Array(repeating: found.expectedBytes, count: 4), "\(method): bytes")
            bytes.insert(found.expectedBytes)
        }
        try checkEqual(bytes.count, 1, "sizes of the methods' reductions")
    },
    RankCase(name: "the-log-form-has-one-small-collective-more") { world in
        let found = try traffic(world, [("method", "crsam"), ("regularizer", "log")])
        try checkEqual(found.collectives, [2, 2, 2, 2], "collectives of each step")
        try checkEqual(found.bytes, Array(repeating: found.expectedBytes + 24, count: 4), "bytes")
    },
]
