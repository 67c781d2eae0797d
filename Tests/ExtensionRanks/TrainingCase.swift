import Collectives
import Foundation
import RankCases
import TestSupport
import Training

/// What `train` would be given, all of it from outside.
private let flags: [(name: String, text: String)] = [
    ("model", "one-patch"), ("dataset", "stripes"), ("augment", "negative"), ("method", "amplified"), ("beta", "0.5"),
    ("loss", "squared-error"),
    ("optimizer", "signum"), ("momentum", "0.5"), ("schedule", "inverse-root"), ("movement-every", "2"),
    ("steps", "3"), ("checkpoint-every", "1"),
]

let trainingCase = RankCase(name: "one-of-each-kind-from-outside-trains-together") { world in
    let folder = world.rank == 0 ? try TemporaryFolder() : nil
    defer { withExtendedLifetime(folder) {} }
    let output = try world.broadcast(folder?.file("run") ?? "")
    let batchSize = 4 * world.size
    let given = try GivenSettings(flags: flags + [("batch-size", "\(batchSize)"), ("output", output)])
    let best = BestLoss()
    let (observer, pixels, testLoss) = try trained(given, world, best)
    try check(testLoss?.isFinite == true, "the loss of the test images is \(testLoss ?? .nan)")
    // The model: patches 4 · 4 · 8 + 8, class token 8, positions 5 · 8, factors 8, head 8 · 2 + 2.
    try checkEqual(observer.run?.parameterCount, 210, "parameters")
    // The data set, whose pixels are 0 and 200, and the transform.
    try checkEqual(observer.run?.trainingImages, 64, "training images")
    try checkEqual(pixels, Set([0, 55, 200, 255].map { Float($0) / 255 }), "pixels")
    try checkSteps(observer.steps, batchSize: batchSize, ranks: world.size)
    try checkMovements(observer)
    if let folder { try checkFiles(folder, observer.steps) }

    // What was added is read back from the run's files.
    let restored = BestLoss()
    let continued = try trained(GivenSettings(flags: [("output", output)], resume: true), world, restored).observer
    try checkEqual(best.value, observer.steps.map(\.loss).min(), "the lowest loss")
    try checkEqual(restored.value, best.value, "the lowest loss after a restart")
    try checkEqual(continued.steps, [], "steps after the end")
    try checkEqual(continued.run?.configuration[.movementEvery], 2, "the resumed run's setting")
}

/// What a run showed, the values that its pixels had and the loss of its test images. The run's folder is free again
/// once this returns.
private func trained(
    _ given: GivenSettings, _ world: Communicator, _ best: BestLoss
) throws -> (observer: MovementObserver, pixels: Set<Float>, testLoss: Double?) {
    let observer = MovementObserver()
    var pixels: Set<Float> = []
    let watch = StepCallbacks(before: { batch in
        pixels.formUnion(batch.pixels.elements.prefix(batch.count * batch.shape.count))
    })
    let summary = try Trainer(given.configuration(world), world: world, observers: [observer, watch, best]).run()
    try checkEqual(summary.steps, 3, "steps")
    // The other ranks end before rank 0's last file does.
    try world.barrier()
    return (observer, pixels, summary.lastEpoch?.testLoss)
}

private func checkSteps(_ steps: [StepMetrics], batchSize: Int, ranks: Int) throws {
    try checkEqual(steps.map(\.step), [1, 2, 3], "observed steps")
    for metrics in steps {
        let norm = metrics["combined_gradient_norm"] ?? .nan
        try check(metrics.loss.isFinite, "loss \(metrics.loss)")
        // The schedule, from the optimizer's own rate.
        let rate = 0.01 / Double(metrics.step).squareRoot()
        try check(abs((metrics["learning_rate"] ?? 0) - rate) < 1e-12, "rate \(metrics["learning_rate"] ?? 0)")
        // The rule: nothing but rounding between G and 1.5 g0, where one group is the batch.
        let amplified = 1.5 * (metrics["gradient_norm"] ?? .nan)
        try check(ranks > 1 ? norm < 1.001 * amplified : abs(norm - amplified) < 1e-5 * norm, "‖G‖ is \(norm)")
        // The metrics: a sum over the ranks, and one that all have.
        let wrong = Double(batchSize) * (1 - (metrics["accuracy"] ?? .nan))
        try check(abs((metrics["wrong_samples"] ?? .nan) - wrong) < 1e-9, "\(wrong) samples are wrong")
        let largest = metrics["largest_gradient"] ?? .nan
        try check(largest > 0 && largest < 1.001 * norm, "largest entry \(largest), norm \(norm)")
    }
    // The operation and the loss: factors of 0 leave logits of 0, and ½(0 − 1)² of each sample.
    try check(abs(steps[0].loss - 0.5) < 1e-6, "the first loss is \(steps[0].loss)")
    try check(abs(steps[2].loss - 0.5) > 1e-6, "the factors have not moved")
}

/// The setting says of which steps; the optimizer moves each weight by the rate, up or down, or not at all.
private func checkMovements(_ observer: MovementObserver) throws {
    try checkEqual(observer.movements.map(\.step), [2], "steps whose movement was kept")
    let rate = Float(observer.steps[1]["learning_rate"] ?? .nan)
    for (_, before, after) in observer.movements {
        var moved = 0
        for (old, new) in zip(before.elements, after.elements) {
            try check(new == old || new == old + rate || new == old - rate, "\(old) became \(new) at rate \(rate)")
            moved += new == old ? 0 : 1
        }
        try check(moved > 100, "only \(moved) weights moved")
    }
}

private func checkFiles(_ folder: TemporaryFolder, _ steps: [StepMetrics]) throws {
    let configuration = try folder.text("run/config.yaml").split(separator: "\n")
    for (name, text) in flags {
        let line = configuration.first { $0.hasPrefix("\(name): ") }
        try checkEqual(line.map(String.init), "\(name): \(text)", "the line of config.yaml")
    }
    let lines = try folder.text("run/metrics.jsonl").split(separator: "\n")
    try checkEqual(lines.count, 3, "lines of metrics.jsonl")
    for (line, metrics) in zip(lines, steps) {
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        for name in ["wrong_samples", "largest_gradient"] {
            // Foundation's reader is a bit off in the last place.
            let (read, value) = (object?[name] as? Double ?? .nan, metrics[name] ?? .nan)
            try check(abs(read - value) <= 1e-12 * abs(value), "\(name) is \(read) in metrics.jsonl, not \(value)")
        }
    }
}
