import ArgumentParser
import Files
import Training

/// A setting's value as it was typed: what it may be is known, and checked, in one place, `ConfigurationField`.
typealias Setting = String?

struct DataOptions: ParsableArguments {
    @Option(help: "fashion-mnist, mnist, cifar10, cifar100 or synthetic. (default: fashion-mnist)")
    var dataset: Setting
    @Option(help: "Folder with the data set's published files. (default for fashion-mnist: Debian's)")
    var data: Setting
    @Option(help: "none or basic: random crop and horizontal flip, as suits the data set. (default: basic)")
    var augment: Setting

    var settings: [(String, Setting)] { [("dataset", dataset), ("data", data), ("augment", augment)] }
}

struct ModelOptions: ParsableArguments {
    @Option(help: "A name that 'crsam-dist models' lists. (default: resnet8)")
    var model: Setting
    @Option(
        help:
            "Start from the weights of a run, a checkpoint or a .safetensors file, under torchvision's or timm's names."
    )
    var initWeights: Setting
    @Option(help: "auto, or direct: never Winograd's algorithm. (default: auto)")
    var convolution: Setting
    @Option(help: "float32 or bfloat16, of activations and products; weights stay in float32. (default: float32)")
    var precision: Setting

    var settings: [(String, Setting)] {
        [
            ("model", model), ("init-weights", initWeights), ("convolution", convolution),
            ("precision", precision),
        ]
    }
}

struct MethodOptions: ParsableArguments {
    @Option(help: "sgd (plain gradients), sam or crsam. (default: crsam)")
    var method: Setting
    @Option(help: "CR-SAM's form: linear or log. (default: linear)")
    var regularizer: Setting
    @Option(help: "Radius of the perturbation: the norm of epsilon, over all parameters. (default: 0.1)")
    var rho: Setting
    @Option(help: "Weight of CR-SAM's trace term. (default: 0.1)")
    var alpha: Setting
    @Option(help: "Weight of CR-SAM's norm term. (default: 0.01)")
    var beta: Setting
    @Option(help: "Samples that share an ascent direction, or 'global'. (default: a rank's share of the batch)")
    var mSharpness: Setting
    @Option(
        help: "Passes that update BatchNorm's running statistics: clean, or official for w - eps too. (default: clean)")
    var bnRunningStats: Setting
    @Option(help: "Label smoothing in the training loss, from 0 to below 1. (default: 0)")
    var labelSmoothing: Setting

    var settings: [(String, Setting)] {
        [
            ("method", method), ("regularizer", regularizer), ("rho", rho), ("alpha", alpha), ("beta", beta),
            ("m-sharpness", mSharpness), ("bn-running-stats", bnRunningStats), ("label-smoothing", labelSmoothing),
        ]
    }
}

struct OptimizerOptions: ParsableArguments {
    @Option(help: "sgd or adamw. (default: sgd)")
    var optimizer: Setting
    @Option(help: "Peak learning rate. (default: 0.2)")
    var learningRate: Setting
    @Option(help: "SGD's momentum. (default: 0.9)")
    var momentum: Setting
    @Flag(inversion: .prefixedNo, help: "Nesterov's momentum. (default: no)")
    var nesterov: Bool?
    @Option(help: "Weight decay: L2 for sgd, decoupled for adamw. (default: 0.0005)")
    var weightDecay: Setting
    @Option(help: "Largest norm of the combined gradient. (default: no clipping)")
    var clipNorm: Setting
    @Option(help: "constant, cosine, linear, or step (a tenth at half and at three quarters). (default: cosine)")
    var schedule: Setting
    @Option(help: "Epochs of linear warm-up. (default: a fifth of the run; 0 with --schedule constant)")
    var warmupEpochs: Setting

    var settings: [(String, Setting)] {
        [
            ("optimizer", optimizer), ("learning-rate", learningRate), ("momentum", momentum),
            ("nesterov", nesterov.map { "\($0)" }), ("weight-decay", weightDecay), ("clip-norm", clipNorm),
            ("schedule", schedule), ("warmup-epochs", warmupEpochs),
        ]
    }
}

struct SizeOptions: ParsableArguments {
    @Option(help: "Samples of one update, over all ranks. (default: 128)")
    var batchSize: Setting
    @Option(help: "Most samples of a rank in one forward pass, to save memory. (default: no limit)")
    var microBatchSize: Setting
    @Option(help: "Random seed. (default: 0)")
    var seed: Setting
    @Option(
        help: """
            Threads of each rank. More than one needs mpirun --bind-to none or --map-by slot:PE=N, which give a rank \
            more than one core. (default: 1)
            """)
    var threads: Setting
    @Option(
        help: """
            Gradient bucket size in MiB for overlapping the all-reduce with the last backward pass; 0 disables \
            overlap. (default: 4)
            """)
    var bucketSize: Setting

    var settings: [(String, Setting)] {
        [
            ("batch-size", batchSize), ("micro-batch-size", microBatchSize), ("seed", seed), ("threads", threads),
            ("bucket-size", bucketSize),
        ]
    }
}
