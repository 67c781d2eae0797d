import Datasets
import Files
import TestSupport
import Testing
import Training

/// A configuration in which every setting that can be set is set, none to its default.
private func unusualConfiguration() throws -> RunConfiguration {
    var configuration = RunConfiguration()
    for (name, text) in [
        ("dataset", "cifar10"), ("data", "/data/with space: and # signs"), ("augment", "none"), ("model", "vit"),
        ("image-size", "64"), ("crop-ratio", "0.95"), ("interpolation", "bicubic"), ("data-threads", "2"),
        ("bad-samples", "skip"),
        ("mixup", "0.2"), ("cutmix", "1"), ("random-erasing", "0.25"), ("repeated-augmentation", "3"),
        ("order", "windowed"), ("order-window", "1024"),
        ("drop-path", "0.2"), ("zero-init-residual", "true"),
        ("init-weights", "start.safetensors"), ("reset-head", "true"), ("convolution", "direct"),
        ("precision", "bfloat16"), ("method", "sam"),
        ("regularizer", "log"),
        ("rho", "0.07"), ("rho-schedule", "learning-rate"), ("rho-min", "0.01"),
        ("alpha", "0.25"), ("beta", "1e-05"), ("m-sharpness", "16"),
        ("bn-running-stats", "official"), ("loss", "binary-cross-entropy"), ("label-smoothing", "0.1"),
        ("optimizer", "adamw"),
        ("learning-rate", "0.0003"), ("momentum", "0.8"), ("nesterov", "true"), ("weight-decay", "0.3"),
        ("learning-rate-batch", "512"), ("learning-rate-scaling", "square-root"),
        ("weight-decay-on", "matrices"), ("clip-norm", "1.5"), ("ema-decay", "0.999"),
        ("ema-warmup", "true"), ("layer-decay", "0.75"), ("schedule", "linear"),
        ("warmup-epochs", "0.5"), ("batch-size", "256"),
        ("micro-batch-size", "32"), ("epochs", "90"), ("steps", "1001"), ("seed", "18446744073709551615"),
        ("threads", "3"), ("bucket-size", "12.5"),
        ("evaluate-every", "2"), ("evaluate-on", "v2=/data/v2, real=/data/real"),
        ("checkpoint-every", "50"), ("output", "out"),
    ] {
        try configuration.apply(flag: name, text)
    }
    configuration.normalization = ChannelNormalization(mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6])
    return configuration
}

private func problem(yaml text: String) -> String {
    message {
        var configuration = RunConfiguration()
        try configuration.apply(yaml: text, path: "run.yaml")
    }
}

@Suite struct RunConfigurationTests {
    @Test func `a written configuration reads back as it was, except for the folder that holds it`() throws {
        var others: [RunConfiguration] = []
        for name in ["null", "~x", "1e3", "true", "- a", "a: b", String(repeating: "long name ", count: 20)] {
            var configuration = RunConfiguration()
            configuration.dataDirectory = name
            others.append(configuration)
        }
        for var configuration in try [RunConfiguration(), unusualConfiguration()] + others {
            configuration.output = nil
            // No shell expands a home folder in a file that the program wrote.
            if configuration.dataDirectory == "~x" { configuration.dataDirectory = "/~x" }
            var read = RunConfiguration()
            try read.apply(yaml: configuration.yaml(ranks: 4), path: "config.yaml")
            #expect(read == configuration)
            #expect(read.differences(from: configuration).isEmpty)
        }
    }

    @Test func `every setting is set by its name`() throws {
        let (unusual, standard) = (try unusualConfiguration(), RunConfiguration())
        for setting in Setting.all {
            #expect(setting.read(unusual) != setting.read(standard), "\(setting.name) has its default")
        }
    }

    @Test func `every setting of the identity makes another run`() throws {
        let unusual = try unusualConfiguration()
        for setting in Setting.all {
            guard let text = setting.read(unusual) else { continue }
            // Given, they do not follow another optimizer's defaults.
            var changed = RunConfiguration()
            for name in ["learning-rate", "weight-decay"] {
                try changed.apply(flag: name, #require(Setting.named(name)?.read(changed)))
            }
            try changed.apply(flag: setting.name, text)
            #expect(changed.differences(from: .init()).map(\.field) == (setting.isIdentity ? [setting.name] : []))
        }
    }

    @Test func `normalization is written as one line`() throws {
        #expect(
            try unusualConfiguration().yaml(ranks: 2)
                .contains("normalization: {mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6]}\n"))
    }

    @Test func `an empty file sets nothing`() throws {
        var configuration = RunConfiguration()
        for text in ["", "\n", "# only a comment\n", "---\n"] { try configuration.apply(yaml: text, path: "run.yaml") }
        #expect(configuration == RunConfiguration())
    }

    @Test(arguments: [
        ("learning-rat: 1", "run.yaml: unknown key 'learning-rat': did you mean 'learning-rate'?"),
        (
            "something-else-entirely: 1",
            "run.yaml: unknown key 'something-else-entirely': the keys are the long flags' names"
        ),
        ("rho: many", "run.yaml: rho is 'many': it must be a number of at least 0"),
        ("rho: .nan", "run.yaml: rho is '.nan': it must be a number of at least 0"),
        ("rho: .inf", "run.yaml: rho is '.inf': it must be a finite number of at least 0"),
        ("rho: 1__0", "run.yaml: rho is '1__0': it must be a number of at least 0"),
        ("epochs: 1.5", "run.yaml: epochs is '1.5': it must be a whole number from 1 to 2147483647"),
        (
            "epochs: 010",
            "run.yaml: epochs is '010': it must be a number without zeros before it, which readers take differently"
        ),
        (
            "normalization: {mean: [0.5], std: [010]}",
            "run.yaml: normalization: std is '010': it must be a number without zeros before it, which readers take "
                + "differently"
        ),
        (
            "optimizer: adam",
            "run.yaml: optimizer is 'adam': it must be one of sgd, adamw, lamb; did you mean 'adamw'?"
        ),
        ("output: ''", "run.yaml: output is '': it must be a path of at least one character"),
        ("rho: 1\n---\nrho: 2", "run.yaml: a second document begins in line 2: keep one"),
        ("rho: 1\nrho: 2", "run.yaml has key 'rho' twice: keep one"),
        ("rho: *r", "run.yaml is not YAML in line 1, column 6: found undefined alias: write one 'key: value' a line"),
        ("<<: {rho: 1}", "run.yaml: merge keys ('<<') are not read: write the settings themselves"),
        (
            "\trho: 1",
            "run.yaml is not YAML in line 1, column 1: found character that cannot start any token: indent with "
                + "spaces, "
                + "not tabs, and quote text that begins with a special character"
        ),
        ("rho\u{FFFD}: 1", "run.yaml is not text in UTF-8: save it as such"),
        ("momentum: 1", "run.yaml: momentum is '1': it must be a number of at least 0 and below 1"),
        ("clip-norm: 0", "run.yaml: clip-norm is '0': it must be a number above 0"),
        ("batch-size: 0", "run.yaml: batch-size is '0': it must be a whole number from 1 to 2147483647"),
        ("seed: -1", "run.yaml: seed is '-1': it must be a whole number from 0 to 18446744073709551615"),
        ("method: adam", "run.yaml: method is 'adam': it must be one of sgd, sam, crsam"),
        ("nesterov: 1", "run.yaml: nesterov is '1': it must be true or false"),
        ("m-sharpness: all", "run.yaml: m-sharpness is 'all': it must be a whole number of at least 1, or 'global'"),
        ("rho: [1]", "run.yaml: rho is not a single value: write 'rho: value'"),
        ("- rho", "run.yaml is not a mapping: write one 'key: value' a line"),
        (
            "normalization: {mean: [0.5]}",
            "run.yaml: normalization has no list of numbers 'std': write {mean: [0.5], std: [0.25]}, one a channel"
        ),
        (
            "normalization: {mean: [0.5], std: [0]}",
            "run.yaml: normalization has 1 means and 1 deviations: give one of each a channel, deviations above 0"
        ),
        (
            "normalization: {mean: [0.5], std: [1], max: 2}",
            "run.yaml: normalization: unknown key 'max': it has mean and std"
        ),
    ])
    func `what cannot be read is named`(text: String, expected: String) { #expect(problem(yaml: text) == expected) }

    @Test(arguments: ["null", "~", "Null", "NULL", "", "!!null x", " # nothing"])
    func `a key without a value has its default`(text: String) throws {
        for setting in Setting.all {
            var configuration = try unusualConfiguration()
            try configuration.apply(yaml: "\(setting.name): \(text)", path: "run.yaml")
            var standard = RunConfiguration()
            standard.optimizer = configuration.optimizer
            #expect(setting.read(configuration) == setting.read(standard), "\(setting.name)")
        }
        var configuration = try unusualConfiguration()
        try configuration.apply(yaml: "normalization: \(text)", path: "run.yaml")
        #expect(configuration.normalization == nil)
    }

    @Test func `quoted text stays text`() throws {
        for text in ["null", "Null", "1e3", "true"] {
            var configuration = RunConfiguration()
            try configuration.apply(yaml: "output: \"\(text)\"\ndata: '\(text)'", path: "run.yaml")
            #expect(configuration.output == text && configuration.dataDirectory == text)
        }
    }

    @Test(arguments: [
        ("nesterov: True", "nesterov", "true"), ("nesterov: YES", "nesterov", "true"),
        ("nesterov: on", "nesterov", "true"), ("nesterov: Off", "nesterov", "false"),
        ("rho: 1e-3", "rho", "0.001"), ("rho: .5", "rho", "0.5"), ("rho: +0.1", "rho", "0.1"),
        ("rho: 0x10", "rho", "16.0"), ("rho: 1_000.5", "rho", "1000.5"), ("epochs: 1_000", "epochs", "1000"),
        ("epochs: 0x10", "epochs", "16"), ("epochs: 90.0", "epochs", "90"), ("steps: 1e5", "steps", "100000"),
        ("seed: 18446744073709551615", "seed", "18446744073709551615"), ("clip-norm: '2'", "clip-norm", "2.0"),
        ("\u{FEFF}rho: 0.3", "rho", "0.3"), ("rho: &r 0.3\nalpha: *r", "alpha", "0.3"),
        ("{\"rho\": 0.3}", "rho", "0.3"), ("rho:\t0.3", "rho", "0.3"), ("rho: 0.3\r\n", "rho", "0.3"),
        ("method: |\n  sam\n", "method", "sam"), ("model: >\n  ResNet-20\n", "model", "resnet20"),
        ("m-sharpness: Global", "m-sharpness", "global"), ("output: a//b/./c/", "output", "a/b/c"),
    ])
    func `values are read as a user of YAML means them`(text: String, name: String, expected: String) throws {
        var configuration = RunConfiguration()
        try configuration.apply(yaml: text, path: "run.yaml")
        #expect(Setting.named(name)?.read(configuration) == expected)
    }

    @Test(arguments: [
        ("model", "ResNet-8", "resnet8"), ("model", "ResNet/8", "resnet8"), ("model", "wrn_28_10", "wrn28-10"),
        ("model", "ViT-S/16", "vit-s16"), ("model", "vit_small_patch32_224", "vit-s32"),
        ("dataset", "FashionMNIST", "fashion-mnist"), ("dataset", "CIFAR-10", "cifar10"),
        ("dataset", "cifar_100", "cifar100"), ("optimizer", "AdamW", "adamw"), ("optimizer", "SGD", "sgd"),
        ("method", "CR-SAM", "crsam"), ("precision", "bf16", "bfloat16"), ("precision", "FP32", "float32"),
        ("schedule", " Cosine ", "cosine"), ("augment", "None", "none"), ("regularizer", "LOG", "log"),
        ("convolution", "Direct", "direct"), ("bn-running-stats", "Official", "official"),
        ("learning-rate", " 0.1 ", "0.1"), ("batch-size", " 64\t", "64"), ("batch-size", "1.0", "1"),
    ])
    func `every usual spelling becomes the one that is stored`(name: String, text: String, stored: String) throws {
        for spelling in [text, text.uppercased(), text.lowercased()] {
            var configuration = RunConfiguration()
            try configuration.apply(flag: name, spelling)
            #expect(Setting.named(name)?.read(configuration) == stored, "\(spelling)")
        }
    }

    @Test(arguments: ["../x", "resnet8/../../x", "resnet", "runs", "", " ", "/"])
    func `what is no model never becomes a part of a path`(text: String) {
        #expect(
            message {
                var configuration = RunConfiguration()
                try configuration.apply(flag: "model", text)
            }.hasPrefix("--model is '\(text)': it must be one of resnet8, "))
    }

    @Test(arguments: [
        ("v2=/data/v2", ["v2", "/data/v2"]), (" a=x, b = y,c=z ", ["a", "x, b = y", "c", "z "]),
        ("ImageNet_V2=v2/./,x=a,b", ["imagenet-v2", "v2", "x", "a,b"]), ("a=b=c", ["a", "b=c"]),
    ])
    func `further sets are names and folders`(text: String, expected: [String]) throws {
        var configuration = RunConfiguration()
        try configuration.apply(flag: "evaluate-on", text)
        #expect(configuration.evaluationSets.flatMap { [$0.name, $0.directory] } == expected)
        configuration.emaDecay = 0.9
        let names = stride(from: 0, to: expected.count, by: 2).map { expected[$0] }
        #expect(configuration.furtherEvaluations == ["ema"] + names.flatMap { [$0, $0 + "_ema"] })
    }

    @Test(arguments: [
        ("v2", "NAME=DIR, or several"), ("=v2", "NAME=DIR, or several"), ("a b=v2", "NAME=DIR, or several"),
        ("v2=", "a path of at least"), ("a=x,A=y", "a name for each"), ("cifar10=x,CIFAR-10=y", "a name for each"),
        ("ema=x", "does not end in 'ema'"), ("x_ema=x", "does not end in 'ema'"), ("a=x\u{7}", "control characters"),
    ])
    func `sets without a name or a folder of their own are refused`(text: String, expected: String) {
        let found = message {
            var configuration = RunConfiguration()
            try configuration.apply(flag: "evaluate-on", text)
        }
        #expect(found.hasPrefix("--evaluate-on is '\(text)'") && found.contains(expected), "\(found)")
    }

    @Test func `ranks and resumed runs may have a set elsewhere, but not another one`() throws {
        func run(_ text: String) throws -> RunConfiguration {
            var configuration = RunConfiguration()
            try configuration.apply(flag: "evaluate-on", text)
            return configuration
        }
        #expect(try run("a=x,b=y").differences(from: run("a=z,b=y")).isEmpty)
        #expect(try run("a=x").differences(from: run("b=x")).map(\.field) == ["evaluate-on"])
        #expect(try run("a=x") != run("a=z"))
    }

    @Test func `fields that do not go together are refused`() throws {
        func problem(_ flags: [String: String]) -> String {
            message {
                var configuration = RunConfiguration()
                for (name, text) in flags { try configuration.apply(flag: name, text) }
                try configuration.validate()
            }
        }
        #expect(problem([:]) == "no error")
        #expect(problem(["nesterov": "true", "momentum": "0"]).hasPrefix("--nesterov needs a momentum above 0"))
        #expect(problem(["micro-batch-size": "129"]).hasPrefix("--micro-batch-size 129 is more than the batch of 128"))
        #expect(problem(["m-sharpness": "256"]).hasPrefix("--m-sharpness 256 is more than the batch of 128"))
        #expect(problem(["dataset": "synthetic", "evaluate-on": "a=b"]).hasSuffix("name it after a data set"))
        #expect(problem(["dataset": "mnist"]) == "--dataset mnist needs files: name their folder with --data DIR")
    }

    @Test(arguments: [
        ([:], 1, 128), ([:], 2, 64), (["batch-size": "4096"], 2, 128), (["batch-size": "2"], 4, 1),
        (["micro-batch-size": "3"], 2, 3), (["batch-size": "4096", "micro-batch-size": "1000"], 2, 128),
        (["m-sharpness": "16"], 2, 16), (["m-sharpness": "128"], 2, 64), (["m-sharpness": "global"], 2, 64),
    ])
    func `evaluation runs no more samples at once than a step of training, and at most 128`(
        flags: [String: String], ranks: Int, expected: Int
    ) throws {
        var configuration = RunConfiguration()
        for (name, text) in flags { try configuration.apply(flag: name, text) }
        #expect(configuration.evaluationBatchSize(ranks: ranks) == expected)
    }

    @Test func `edit distance counts insertions, deletions and exchanges`() {
        for (a, b, distance) in [("", "", 0), ("rho", "", 3), ("rho", "rhoo", 1), ("kitten", "sitting", 3)] {
            #expect(a.editDistance(to: b) == distance)
            #expect(b.editDistance(to: a) == distance)
        }
    }
}
