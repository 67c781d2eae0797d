import Catalogs
import Models
import Optimizers
import TestSupport
import Testing
import Training
import Vectors

/// What an option's help says of its default.
private func printedDefault(_ name: String) throws -> String? {
    let help = try #require(Setting.named(name)).help
    return help.firstRange(of: "(default: ").map { String(help[$0.upperBound...].dropLast()) }
}

@Suite struct SettingTests {
    @Test func `every declaration has a name of its own, and so has every short name`() {
        let names = Setting.all.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(Set(Setting.all.map(\.group)).count == Setting.Group.allCases.count)
        for short in ["lr", "wd", "bs", "batch", "optim", "dir", "out", "arch", "wu", "ls"] {
            #expect(Setting.meant(byShortName: short).map(names.contains) == true, "\(short)")
        }
        #expect(Setting.meant(byShortName: "L_R") == "learning-rate")
        #expect(names.allSatisfy { Setting.meant(byShortName: $0) == nil })
    }

    @Test(arguments: [
        ("learning-rate", "0.2 for sgd, 0.001 for adamw, 0.005 for lamb"),
        ("weight-decay", "0.0005 for sgd, 0.01 for adamw, 0.02 for lamb"),
        ("warmup-epochs", "0 for constant, a fifth of the run for cosine, linear and step"), ("rho", "0.1"),
        ("nesterov", "no"), ("bucket-size", "4"), ("label-smoothing", "0"), ("dataset", "fashion-mnist"),
        ("steps", "--epochs whole epochs"), ("data", "Debian's for fashion-mnist"),
    ]) func `the help prints a default as it is, by component where they differ`(name: String, text: String) throws {
        #expect(try printedDefault(name) == text)
    }

    @Test(arguments: Setting.all.map(\.name)) func `a printed default that is a value is what a run has`(
        name: String
    ) throws {
        let setting = try #require(Setting.named(name))
        guard let text = try printedDefault(name), let standard = setting.read(RunConfiguration()) else {
            #expect(setting.read(RunConfiguration()) == nil)
            return
        }
        // One default, or one for each choice of another setting, of which a run without flags has the first.
        let value = text.firstRange(of: " for ").map { text[..<$0.lowerBound] } ?? text[...]
        var configuration = RunConfiguration()
        try configuration.apply(flag: name, String(value))
        #expect(setting.read(configuration) == standard)
    }

    @Test func `the help of a choice lists every name`() throws {
        for (name, choices) in [
            ("optimizer", optimizerCatalog.names),
            ("schedule", scheduleCatalog.names),
            ("method", methodCatalog.names),
        ] {
            let help = try #require(Setting.named(name)).help
            #expect(choices.allSatisfy(help.contains), "\(help)")
        }
    }

    @Test func `each optimizer has defaults of its own, which what is given overrules in any order`() throws {
        func rates(_ settings: [(String, String)], yaml: String = "") throws -> [Double] {
            var configuration = RunConfiguration()
            try configuration.apply(yaml: yaml, path: "run.yaml")
            for (name, text) in settings { try configuration.apply(flag: name, text) }
            return [configuration.learningRate, configuration.weightDecay]
        }
        #expect(try rates([]) == [0.2, 5e-4])
        #expect(try rates([("optimizer", "adamw")]) == [1e-3, 0.01])
        #expect(try rates([], yaml: "optimizer: adamw") == [1e-3, 0.01])
        #expect(try rates([("optimizer", "adamw"), ("learning-rate", "0.2")]) == [0.2, 0.01])
        #expect(try rates([("learning-rate", "0.2"), ("optimizer", "adamw")]) == [0.2, 0.01])
        #expect(try rates([("optimizer", "adamw")], yaml: "weight-decay: 0.3") == [1e-3, 0.3])
        #expect(try rates([("optimizer", "adamw"), ("optimizer", "sgd")]) == [0.2, 5e-4])
        #expect(try rates([("optimizer", "adamw")], yaml: "learning-rate: 0.3\nweight-decay: null") == [0.3, 0.01])
    }

    @Test func `a rate that is given for a batch follows the run's, and the radius with it`() throws {
        var configuration = RunConfiguration()
        (configuration.learningRate, configuration.batchSize) = (0.1, 1024)
        #expect(configuration.peakLearningRate == 0.1 && configuration.learningRateText == nil)
        configuration.learningRateBatch = 256
        #expect(configuration.peakLearningRate == 0.4)
        #expect(try configuration.makeSchedule(runEpochs: 1).peak == 0.4)
        #expect(
            configuration.learningRateText == "learning rate 0.4: 0.1 for 256 samples, scaled to 1024 (linear)")
        #expect(configuration.yaml(ranks: 2).contains("\npeak-learning-rate: 0.4\n"))
        (configuration.rho, configuration.rhoSchedule) = (0.5, .learningRate)
        #expect(configuration.radius(at: 0.4) == 0.5 && configuration.radius(at: 0.2) == 0.25)
        configuration.learningRateScaling = .squareRoot
        #expect(configuration.peakLearningRate == 0.2)
    }

    @Test(arguments: optimizerCatalog.names)
    func `rates fall with depth for every optimizer`(optimizer: String) throws {
        var configuration = RunConfiguration()
        (configuration.model, configuration.layerDecay) = ("vit", 0.5)
        configuration.optimizer = try optimizerCatalog.entry(optimizer)
        configuration.weightDecayOn = .matrices
        let layout = try modelCatalog.entry("vit").graph(inputShape: [3, 32, 32], classes: 10).parameterLayout
        let groups = configuration.parameterGroups(layout)
        func group(of name: String) throws -> ParameterGroup {
            let place = try #require(layout[name]).offset
            return try #require(groups.first { $0.range.contains(place) })
        }
        #expect(try group(of: "cls_token").rateScale == 0x1p-13 && group(of: "cls_token").weightDecay == 0)
        #expect(try group(of: "blocks.3.attn.qkv.weight").rateScale == 0x1p-9)
        #expect(try group(of: "blocks.3.attn.qkv.weight").weightDecay == configuration.weightDecay)
        #expect(try group(of: "norm.bias").rateScale == 0.5 && group(of: "head.weight").rateScale == 1)
        let optimizer = try configuration.makeOptimizer(layout)
        let (weights, gradient) = (FlatVector(count: layout.vectorCount), FlatVector(count: layout.vectorCount))
        for entry in layout.entries { gradient.slice(entry.range).fill(0.01) }
        optimizer.update(weights, gradient: gradient, learningRate: 1)
        let first = try #require(layout["patch_embed.proj.bias"]).offset
        let last = try #require(layout["head.bias"]).offset
        #expect(abs(weights[first] / weights[last] / 0x1p-13 - 1) < 1e-5)
    }

    @Test func `a schedule's warm-up is a fifth of the run, and none where the rate is constant`() throws {
        for (schedule, given, expected) in [
            ("cosine", nil, 1.4), ("step", nil, 1.4), ("constant", nil, 0), ("constant", "2", 2), ("linear", "0", 0),
        ] as [(String, String?, Double)] {
            var configuration = RunConfiguration()
            try configuration.apply(flag: "schedule", schedule)
            if let given { try configuration.apply(flag: "warmup-epochs", given) }
            #expect(try configuration.makeSchedule(runEpochs: 7).warmupEpochs == expected, "\(schedule)")
        }
    }

    @Test func `a written run keeps the values that it resolved to`() throws {
        var configuration = RunConfiguration()
        try configuration.apply(flag: "optimizer", "adamw")
        let text = configuration.yaml(ranks: 1)
        #expect(text.contains("\nlearning-rate: 0.001\n") && text.contains("\nweight-decay: 0.01\n"))
        // The defaults when it was written: it resumes with them.
        var earlier = RunConfiguration()
        try earlier.apply(
            yaml: text.replacing("learning-rate: 0.001", with: "learning-rate: 0.2"), path: "config.yaml")
        #expect(earlier.learningRate == 0.2)
        #expect(earlier != configuration)
    }

    @Test(arguments: [
        ("momentum", "0.9999999999", "below 1 in single precision, at most 0.99999994"),
        ("clip-norm", "1e-300", "above 0 in single precision, from 1e-45 to 3.4e38"),
        ("clip-norm", "-inf", "a finite number above 0"), ("label-smoothing", "1", "at least 0 and below 1"),
    ]) func `a refusal says the range`(name: String, value: String, words: String) {
        let text = message {
            var configuration = RunConfiguration()
            try configuration.apply(flag: name, value)
        }
        #expect(text.hasPrefix("--\(name) is '\(value)': it must be a ") && text.contains(words), "\(text)")
    }

    @Test func `what ranks must agree on leaves out only what each has for itself`() {
        let agreed = RunConfiguration().agreement.map(\.name)
        #expect(Set(Setting.all.map(\.name)).subtracting(agreed) == ["data", "threads", "data-threads"])
        #expect(Set(agreed).count == agreed.count)
        let checked = RunConfiguration().checkedSettings.keys
        #expect(
            Set(agreed).subtracting(checked) == [
                "init-weights", "reset-head", "zero-init-residual", "evaluate-every", "evaluate-on", "checkpoint-every",
                "output",
            ])
    }
}
