import Optimizers

/// What an optimizer does with the gradient.
enum OptimizerSettings {
    static let all = Setting.grouped(
        .optimizer,
        [
            .entry("optimizer", \.optimizer, in: optimizerCatalog, "Optimizer").alsoCalled("optim"),
            .number("learning-rate", \.learningRate, .atLeast(0), "Peak learning rate")
                .byChoice(\.givenLearningRate, defaults(\.learningRate)).alsoCalled("lr"),
            .optionalCount(
                "learning-rate-batch", \.learningRateBatch,
                "Batch that the learning rate is given for; it is scaled to the run's --batch-size"
            ).unset("the run's own"),
            .choice("learning-rate-scaling", \.learningRateScaling, "How the learning rate follows the batch")
                .needs(
                    SettingNeed("--learning-rate-batch") {
                        $0.learningRateBatch == nil ? "the rate of the run's own batch" : nil
                    }),
            .number("momentum", \.momentum, .atLeast(0, below: 1), "SGD's momentum")
                .needs(.optimizer(reading: .momentum)),
            .toggle("nesterov", \.nesterov, "Nesterov's momentum").needs(.optimizer(reading: .nesterov)),
            .number(
                "weight-decay", \.weightDecay, .atLeast(0), "Weight decay: L2 for sgd, decoupled for adamw and lamb"
            )
            .byChoice(\.givenWeightDecay, defaults(\.weightDecay)).alsoCalled("wd"),
            .choice(
                "weight-decay-on", \.weightDecayOn, "Tensors that decay",
                notes: [.matrices: "no biases, norms' scales, class token and positions, as in timm"]
            ).needs(SettingNeed("a --weight-decay above 0") { $0.weightDecay == 0 ? "--weight-decay 0" : nil }),
            .optionalNumber("clip-norm", \.clipNorm, .above(0), "Largest norm of the combined gradient")
                .unset("no clipping"),
            .number(
                "ema-decay", \.emaDecay, .atLeast(0, below: 1),
                "Decay of an exponential moving average of the weights, which is evaluated beside them; 0 keeps none"
            ).alsoCalled("model-ema-decay"),
            .toggle(
                "ema-warmup", \.warmsUpEMA, "Decay of at most 1 - n^(-2/3) in update n, as timm's ModelEmaV3"
            ).needs(SettingNeed("an --ema-decay above 0") { $0.emaDecay == 0 ? "--ema-decay 0" : nil })
                .alsoCalled("model-ema-warmup"),
            .number(
                "layer-decay", \.layerDecay, .atLeast(0, to: 1),
                "Factor on each layer's learning rate over that of the layer behind it; 1 is one rate for all"
            ).needs(.layerOrder).alsoCalled("layer-wise-decay", "llrd"),
        ])

    private static func defaults<Value>(
        _ path: KeyPath<OptimizerEntry, Value>
    ) -> [(choice: String, value: Value)] {
        optimizerCatalog.entries.map { ($0.name, $0[keyPath: path]) }
    }
}
