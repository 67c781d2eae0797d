import Collectives
import Foundation
import RankCases
import TensorFiles
import Training
import Vectors

/// The run of `Tests/Goldens/generate_run.py`, as flags.
private let settings = [
    ("dataset", "cifar10"), ("model", "resnet8"), ("method", "crsam"), ("rho", "0.05"), ("alpha", "0.5"),
    ("beta", "0.25"), ("m-sharpness", "4"), ("label-smoothing", "0.1"), ("learning-rate", "0.02"),
    ("momentum", "0.8"), ("weight-decay", "0.02"), ("clip-norm", "1"), ("schedule", "cosine"),
    ("warmup-epochs", "1.2"), ("batch-size", "96"), ("epochs", "3"), ("seed", "5"),
]

/// One of its files: records of a label, then pixels of the label's blocks of 8 x 8 and a quarter of noise.
private func records(file: Int, count: Int) -> [UInt8] {
    var stream = RandomStream(seed: 15, purpose: .test, index: 100 + file)
    return (0..<count).flatMap { _ in
        let label = Int(stream.nextWord() % 10)
        var pattern = RandomStream(seed: 15, purpose: .test, index: label)
        let blocks = (0..<48).map { _ in pattern.nextWord() & 0xFF }
        let pixels = (0..<3072).map { index in
            let (channel, row, column) = (index / 1024, index / 32 % 32, index % 32)
            return UInt8((3 * blocks[(channel * 4 + row / 8) * 4 + column / 8] + (stream.nextWord() & 0xFF)) / 4)
        }
        return [UInt8(label)] + pixels
    }
}

private func write(to folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (file, count) in [21, 22, 21, 21, 22, 30].enumerated() {
        let name = file < 5 ? "data_batch_\(file + 1).bin" : "test_batch.bin"
        try Data(records(file: file, count: count)).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }
}

private struct Golden {
    let file: SafeTensorsFile

    init() throws {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        file = try SafeTensorsFile((folder + ["Goldens", "run.safetensors"]).joined(separator: "/"))
    }

    func numbers(_ name: String) throws -> [Double] {
        guard let entry = file[name], case .float64(let values) = try file.read(entry).values else {
            throw CheckFailed("the golden has no \(name)")
        }
        return values
    }

    func vector(_ entry: SafeTensorsFile.Entry, of file: SafeTensorsFile) throws -> FlatVector {
        let vector = FlatVector(count: entry.count)
        try file.read(entry, into: vector)
        return vector
    }
}

private func checkClose(_ found: Double?, _ expected: Double, within bound: Double, _ what: String) throws {
    guard let found else { throw CheckFailed("\(what) is missing") }
    try check(abs(found - expected) <= bound * abs(expected), "\(what) is \(found), not \(expected)")
}

/// Relative differences that are allowed: several times what rounding made of them on 1 to 8 ranks and with oneDNN's
/// kernels from SSE4.1 to AVX-512 (in comments), and far below those of a run in which one thing is wrong
/// (`generate_run.py --cuts`).
private enum Bound {
    /// Of steps 1 and 2, before rounding has flipped many ReLUs.
    static let firstLosses = 5e-6  // 4.2e-7
    static let firstNorms = 2e-3  // 4.3e-4
    static let losses = 2e-4  // 4.4e-5
    static let norms = 3e-2  // 5.9e-3
    static let weights = 4e-4  // 8.6e-5
    static let runningFigures = 2e-3  // 5.4e-4
    static let testLoss = 2e-4  // 4.3e-5
}

private func check(_ steps: [StepMetrics], _ last: EpochMetrics?, ranks: Int, against golden: Golden) throws {
    let losses = (first: Bound.firstLosses, later: Bound.losses)
    let norms = (first: Bound.firstNorms, later: Bound.norms)
    let columns: [(name: String, metric: String, bound: (first: Double, later: Double))] = [
        ("loss", "loss", losses), ("ascent", "ascent_loss", losses), ("descent", "descent_loss", losses),
        ("norm", "gradient_norm", norms), ("combined", "combined_gradient_norm", norms),
        ("rate", "learning_rate", (1e-12, 1e-12)),
    ]
    try checkEqual(steps.map(\.step), Array(1...6), "steps")
    for (name, metric, bound) in columns {
        let expected = try golden.numbers("steps/\(name)")
        try checkEqual(expected.count, steps.count, "steps of the golden")
        for (step, expected) in zip(steps, expected) {
            try checkClose(
                step[metric], expected, within: step.step < 3 ? bound.first : bound.later,
                "\(name) of step \(step.step)")
        }
    }
    for (step, expected) in zip(steps, try golden.numbers("steps/accuracy")) {
        // Rounding may turn one image of 96.
        let accuracy = step["accuracy"] ?? .nan
        try check(abs(accuracy - expected) < 0.011, "accuracy is \(accuracy), not \(expected)")
    }
    let test = try golden.numbers("ranks-\(ranks)/test")
    try checkClose(last?.testLoss, test[0], within: Bound.testLoss, "the test loss")
    try checkClose(last?.testAccuracy, test[1], within: 1e-12, "the test accuracy")
}

private func checkWeights(_ path: String, ranks: Int, against golden: Golden) throws {
    let saved = try SafeTensorsFile(path)
    for (prefix, bound) in [("final/", Bound.weights), ("ranks-\(ranks)/", Bound.runningFigures)] {
        var (difference, norm) = (0.0, 0.0)
        for entry in golden.file.entries where entry.name.hasPrefix(prefix) && !entry.name.hasSuffix("/test") {
            guard let own = saved[String(entry.name.dropFirst(prefix.count))], own.shape == entry.shape else {
                throw CheckFailed("the checkpoint lacks \(entry.name)")
            }
            let (found, expected) = (try golden.vector(own, of: saved), try golden.vector(entry, of: golden.file))
            found.add(expected, scaledBy: -1)
            difference += found.norm * found.norm
            norm += expected.norm * expected.norm
        }
        let relative = (difference / norm).squareRoot()
        try check(relative < bound, "\(prefix) is off by \(relative), not below \(bound)")
    }
}

let goldenRunCases = [
    // From files to the checkpoint, as `crsam-dist train` runs: reading, order, augmentation, groups of samples over
    // ranks, starting weights, rule, reduction, clipping, schedule, update, evaluation.
    RankCase(name: "a-whole-run-on-files-is-PyTorchs") { world in
        let golden = try Golden()
        guard golden.file["ranks-\(world.size)/test"] != nil else { return }
        let own = NSTemporaryDirectory() + "crsam-dist-run-" + UUID().uuidString
        let folder = try world.broadcast(own)
        // Only rank 0 checks, so that it is here to remove what it made.
        defer { if world.rank == 0 { try? FileManager.default.removeItem(atPath: folder) } }
        if world.rank == 0 { try write(to: "\(folder)/data") }
        try world.barrier()
        var configuration = RunConfiguration()
        for (name, text) in settings + [("data", "\(folder)/data"), ("output", "\(folder)/run")] {
            try configuration.apply(flag: name, text)
        }
        var steps: [StepMetrics] = []
        let trainer = try Trainer(
            configuration, world: world, observers: [StepCallbacks(after: { steps.append($0) })])
        let summary = try trainer.run()
        guard world.rank == 0 else { return }
        try check(steps, summary.lastEpoch, ranks: world.size, against: golden)
        try checkWeights(
            "\(folder)/run/checkpoints/step-00000006/model.safetensors", ranks: world.size, against: golden)
    }
]
