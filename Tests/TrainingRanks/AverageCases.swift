import Collectives
import RankCases
import Training
import Vectors

/// Keeps weights, statistics and their averages as they are after every step.
private final class AverageWatch: TrainingObserver {
    struct Step {
        var model: [FlatVector]
        var average: [FlatVector]
    }
    private(set) var steps: [Step] = []

    func checkpointIsDue(_ state: CheckpointContents) {
        func copies(_ model: ModelState) -> [FlatVector] {
            [model.weights, model.statistics].map { FlatVector($0.elements) }
        }
        steps.append(Step(model: copies(state.model), average: state.average.map { copies($0.model) } ?? []))
    }
}

let averageCases = [
    RankCase(name: "the-average-of-the-weights-is-that-of-every-step-and-the-same-on-all-ranks") { world in
        for settings in [[("ema-decay", "0.75")], [("ema-decay", "0.75"), ("ema-warmup", "true")]] {
            var configuration = RunConfiguration()
            let fixed = [
                ("dataset", "synthetic"), ("batch-size", "\(2 * world.size)"), ("steps", "4"),
                ("checkpoint-every", "1"),
            ]
            for (name, text) in fixed + settings { try configuration.apply(flag: name, text) }
            let watch = AverageWatch()
            let trainer = try Trainer(configuration, world: world, purpose: .benchmark, observers: [watch])
            var expected = [trainer.state.weights, trainer.state.statistics].map(\.array)
            _ = try trainer.run()
            try checkEqual(watch.steps.count, 4, "steps")
            for (index, step) in watch.steps.enumerated() {
                // 1 − n^(−2/3) is 0, 0.37, 0.52 and 0.60.
                let warm = [0, 0.3700394750525634, 0.5192501432308638, 0.6031497370079502]
                let decay = settings.count > 1 ? warm[index] : 0.75
                try checkEqual(step.average.count, 2, "averages")
                for (part, (average, values)) in zip(step.average, step.model).enumerated() {
                    for place in 0..<average.count {
                        let next = Float(decay) * expected[part][place] + Float(1 - decay) * values[place]
                        try check(
                            abs(average[place] - next) <= 1e-6 * abs(next) + 1e-12,
                            "step \(index + 1), part \(part): \(average[place]), not \(next)")
                    }
                    expected[part] = average.array
                    let all = try world.allGather(average.fingerprint())
                    try check(Set(all).count == 1, "step \(index + 1), part \(part): ranks have \(all)")
                }
            }
        }
    }
]
