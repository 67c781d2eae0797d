/// What an optimizer does with the gradient.
enum OptimizerSettings {
    static let all = Setting.grouped(
        .optimizer,
        [
            .choice("optimizer", \.optimizer, "Optimizer").alsoCalled("optim"),
            .number("learning-rate", \.learningRate, .atLeast(0), "Peak learning rate")
                .byChoice(\.givenLearningRate, defaults(\.learningRate)).alsoCalled("lr"),
            .number("momentum", \.momentum, .atLeast(0, below: 1), "SGD's momentum").needs(.optimizer(.sgd)),
            .toggle("nesterov", \.nesterov, "Nesterov's momentum").needs(.optimizer(.sgd)),
            .number("weight-decay", \.weightDecay, .atLeast(0), "Weight decay: L2 for sgd, decoupled for adamw")
                .byChoice(\.givenWeightDecay, defaults(\.weightDecay)).alsoCalled("wd"),
            .optionalNumber("clip-norm", \.clipNorm, .above(0), "Largest norm of the combined gradient")
                .unset("no clipping"),
        ])

    private static func defaults<Value>(
        _ path: KeyPath<RunConfiguration.OptimizerName.Defaults, Value>
    ) -> [(choice: String, value: Value)] {
        RunConfiguration.OptimizerName.allCases.map { ($0.rawValue, $0.defaults[keyPath: path]) }
    }
}

extension RunConfiguration.OptimizerName {
    /// Settings that each optimizer has a default of its own for.
    struct Defaults: Sendable {
        let learningRate: Double
        let weightDecay: Double
    }

    var defaults: Defaults {
        switch self {
        case .sgd: Defaults(learningRate: 0.2, weightDecay: 5e-4)
        // As torch.optim.AdamW.
        case .adamw: Defaults(learningRate: 1e-3, weightDecay: 0.01)
        }
    }
}
