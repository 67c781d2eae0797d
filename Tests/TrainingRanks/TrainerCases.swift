import Collectives
import Glibc
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
    var counts: [(Int, Int)] = []
    let trainer = try Trainer(
        configuration, world: world, purpose: .benchmark,
        observers: [StepCallbacks(after: { _ in counts.append((world.collectives, world.reducedBytes)) })])
    _ = try trainer.run()
    let steps = zip(counts.dropFirst(), counts)
    return (steps.map { $0.0 - $1.0 }, steps.map { $0.1 - $1.1 }, trainer.reducedBytesPerStep)
}

/// Losses and norms of a few steps.
private func figures(_ world: Communicator, _ settings: [(String, String)]) throws -> [Double] {
    var configuration = RunConfiguration()
    let fixed = [("dataset", "synthetic"), ("batch-size", "\(4 * world.size)"), ("m-sharpness", "4"), ("steps", "5")]
    for (name, text) in fixed + settings { try configuration.apply(flag: name, text) }
    var figures: [Double] = []
    let trainer = try Trainer(
        configuration, world: world, purpose: .benchmark,
        observers: [
            StepCallbacks(after: { metrics in
                figures += ["loss", "gradient_norm", "combined_gradient_norm"].compactMap { metric in metrics[metric] }
            })
        ])
    _ = try trainer.run()
    return figures
}

/// Threads of this process, by the kernel.
private func ownThreads() throws -> Int {
    guard let folder = opendir("/proc/self/task") else { throw CheckFailed("no /proc/self/task") }
    defer { closedir(folder) }
    var count = -2  // `.` and `..`
    while readdir(folder) != nil { count += 1 }
    return count
}

let trainerCases = [
    RankCase(name: "buckets-behind-the-backward-pass-change-nothing-but-rounding") { world in
        for settings in [
            [("method", "sgd")], [("method", "sam")], [("method", "crsam")], [("regularizer", "log")],
            // Several groups, and several forward passes for each.
            [("m-sharpness", "2")], [("micro-batch-size", "2")],
        ] {
            let whole = try figures(world, settings + [("bucket-size", "0")])
            let inBuckets = try figures(world, settings + [("bucket-size", "0.02")])
            for (a, b) in zip(whole, inBuckets) {
                try check(
                    world.size < 3 ? a == b : abs(a - b) < 1e-5 * a, "\(settings): \(whole) and \(inBuckets)")
            }
        }
    },
    RankCase(name: "two-runs-in-buckets-are-bitwise-identical", leastRanks: 3) { world in
        for settings in [[("method", "crsam")], [("regularizer", "log"), ("m-sharpness", "2")]] {
            let first = try figures(world, settings + [("bucket-size", "0.02")])
            let second = try figures(world, settings + [("bucket-size", "0.02")])
            try checkEqual(first, second, "\(settings)")
        }
    },
    RankCase(name: "micro-batches-change-nothing-but-rounding-where-nothing-couples-samples") { world in
        if world.size > 2 { return }
        for settings in [[("method", "sgd")], [("method", "sam")], [("method", "crsam")], [("regularizer", "log")]] {
            let vit = settings + [("model", "vit"), ("steps", "2")]
            let whole = try figures(world, vit)
            let parts = try figures(world, vit + [("micro-batch-size", "3")])
            for (a, b) in zip(whole, parts) {
                try check(abs(a - b) < 1e-4 * a, "\(settings): \(whole) and \(parts)")
            }
        }
    },
    RankCase(name: "two-threads-change-nothing-but-rounding") { world in
        // Threads of several ranks would wait for each other on a small machine.
        if world.size > 1 { return }
        for (model, convolution) in [("resnet8", "auto"), ("resnet8", "winograd"), ("vit", "auto")] {
            let settings = [
                ("model", model), ("steps", "3"), ("learning-rate", "0.01"), ("convolution", convolution),
            ]
            let one = try figures(world, settings)
            let before = try ownThreads()
            let two = try figures(world, settings + [("threads", "2")])
            // OpenMP keeps the second thread that a network with two threads has started.
            try check(
                try ownThreads() > before || (model, convolution) != ("resnet8", "auto"),
                "\(before) threads, and no more with --threads 2")
            for (index, (a, b)) in zip(one, two).enumerated() {
                // Of a step's loss and two norms, the norms are differences of nearly equal numbers.
                let tolerance = index % 3 == 0 ? 1e-5 : 1e-3
                try check(abs(a - b) < tolerance * a, "\(model): \(one) and \(two)")
            }
        }
    },
    RankCase(name: "buckets-are-as-many-collectives-and-the-same-bytes") { world in
        let whole = try traffic(world, [("bucket-size", "0")])
        let inBuckets = try traffic(world, [("bucket-size", "0.02")])
        try checkEqual(inBuckets.bytes, whole.bytes, "bytes of each step")
        try checkEqual(whole.collectives, [1, 1, 1, 1], "collectives of each step")
        // 75,002 weights in float32 are 14 times 0.02 MiB.
        try checkEqual(
            inBuckets.collectives, Array(repeating: world.size == 1 ? 1 : 14, count: 4), "collectives in buckets")
    },
    RankCase(name: "every-method-steps-with-one-collective-of-the-same-bytes") { world in
        var bytes: Set<Int> = []
        for method in ["sgd", "sam", "crsam"] {
            let measured = try traffic(world, [("method", method)])
            try checkEqual(measured.collectives, [1, 1, 1, 1], "\(method): collectives of each step")
            try checkEqual(measured.bytes, Array(repeating: measured.expectedBytes, count: 4), "\(method): bytes")
            bytes.insert(measured.expectedBytes)
        }
        try checkEqual(bytes.count, 1, "sizes of the methods' reductions")
    },
    RankCase(name: "the-log-form-has-one-small-collective-more") { world in
        let measured = try traffic(world, [("method", "crsam"), ("regularizer", "log")])
        try checkEqual(measured.collectives, [2, 2, 2, 2], "collectives of each step")
        try checkEqual(measured.bytes, Array(repeating: measured.expectedBytes + 24, count: 4), "bytes")
    },
]

let trainerFailingCases = [
    // A replica that drifts from the others during training ends the job.
    RankCase(name: "fail-drifting-trainer", leastRanks: 2) { world in
        var configuration = RunConfiguration()
        for (name, text) in [("dataset", "synthetic"), ("batch-size", "\(2 * world.size)"), ("steps", "5")] {
            try configuration.apply(flag: name, text)
        }
        let callbacks = StepCallbacks()
        let trainer = try Trainer(configuration, world: world, purpose: .benchmark, observers: [callbacks])
        callbacks.after = { [weights = trainer.state.weights] metrics in
            if metrics.step == 3 && world.rank == world.size - 1 { weights[17] = weights[17].nextUp }
        }
        _ = try trainer.run()
    }
]
