import Models

/// What is trained, and what it computes in.
enum ModelSettings {
    static let all = Setting.grouped(
        .model,
        [
            model,
            .number(
                "drop-path", \.modelOptions.dropPath, .atLeast(0, below: 1),
                "Stochastic depth: rate at which the last block's branches are left out, falling to 0 at the first"
            ).needs(.model(reading: .dropPath)).alsoCalled("drop-path-rate"),
            .toggle(
                "zero-init-residual", \.modelOptions.zeroInitResidual,
                "Start each residual branch's last normalization at 0"
            ).scope(.start).needs(.model(reading: .zeroInitResidual)).alsoCalled("zero-init-last"),
            .path(
                "init-weights", \.initWeights,
                "Start from the weights of a run, a checkpoint or a .safetensors file, under torchvision's or timm's "
                    + "names"
            ).scope(.start),
            .toggle(
                "reset-head", \.resetsHead, "Begin with a new last layer, whatever classes the weights were trained on"
            ).scope(.start).needs(SettingNeed("--init-weights") { $0.initWeights == nil ? "the seed's weights" : nil }),
            .choice(
                "convolution", \.convolution, "Algorithms of convolutions",
                notes: [
                    .auto: "Winograd's where it was measured to be faster", .direct: "never Winograd's",
                    .winograd: "our own Winograd's wherever it takes the shape",
                ]),
            .choice(
                "precision", \.precision, "Precision of activations and products, while weights stay in float32",
                alternatives: ["fp32": "float32", "f32": "float32", "float": "float32", "bf16": "bfloat16"]),
        ])

    private static let model = Setting(
        "model", \.model, "A name that 'crsam-dist models' lists", read: { $0 },
        parse: { text throws(Setting.Expected) in
            // Only the catalog's own spelling gets further, into the names of folders and into files.
            guard let entry = try? modelCatalog.entry(text) else {
                throw Setting.Expected(SettingText.choice(text, among: modelCatalog.names))
            }
            return entry.name
        }
    ).alsoCalled("arch")
}
