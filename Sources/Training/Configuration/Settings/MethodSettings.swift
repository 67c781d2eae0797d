import Compute
import Optimizers

/// Which gradient a step descends.
enum MethodSettings {
    static let all = Setting.grouped(
        .method,
        [
            .entry(
                "method", \.method, in: methodCatalog, "Gradient that a step descends",
                note: { $0 == .plain ? "plain" : nil }),
            .choice("regularizer", \.regularizer, "CR-SAM's form").needs(.method(.crsam), radius, term),
            .number(
                "rho", \.rho, .atLeast(0), "Radius of the perturbation: the norm of epsilon, over all parameters"
            ).needs(.method(reading: .perturbationRadius)),
            .choice(
                "rho-schedule", \.rhoSchedule, "Radius over the run",
                notes: [.learningRate: "in proportion to it, from rho down to rho-min, as GSAM"]
            ).needs(.method(reading: .perturbationRadius), radius),
            .number("rho-min", \.rhoMin, .atLeast(0), "Radius where the learning rate is 0")
                .needs(
                    SettingNeed("--rho-schedule learning-rate") {
                        $0.rhoSchedule == .learningRate ? nil : "--rho-schedule \($0.rhoSchedule.rawValue)"
                    }),
            .number("alpha", \.alpha, .atLeast(0), "Weight of CR-SAM's trace term")
                .needs(.method(reading: .traceWeight), radius),
            .number("beta", \.beta, .atLeast(0), "Weight of CR-SAM's norm term")
                .needs(.method(reading: .normWeight), radius),
            mSharpness,
            // Only CR-SAM has a pass at w − ε, whose statistics could move.
            .choice(
                "bn-running-stats", \.bnRunningStats, "Passes that update BatchNorm's running statistics",
                notes: [.official: "w - eps too"]
            ).needs(.method(.crsam), radius, term),
            .entry(
                "loss", \.loss, in: lossCatalog, "Training loss; evaluations always take cross-entropy",
                note: { $0.note }),
            .number(
                "label-smoothing", \.labelSmoothing, .atLeast(0, below: 1),
                "Label smoothing in the training loss, from 0 to below 1"
            ).alsoCalled("ls"),
        ])

    private static let radius = SettingNeed("a --rho above 0") {
        $0.rho == 0 ? "--rho 0, which is plain training" : nil
    }

    /// Without both terms CR-SAM is SAM, which has no pass at w − ε.
    private static let term = SettingNeed("an --alpha or --beta above 0") {
        $0.alpha == 0 && $0.beta == 0 ? "--alpha 0 --beta 0, which is SAM" : nil
    }

    private static let mSharpness = Setting(
        "m-sharpness", \.mSharpness, "Samples that share an ascent direction, or 'global'",
        read: {
            switch $0 {
            case .samples(let count): "\(count)"
            case .global: "global"
            case nil: nil
            }
        },
        parse: { text throws(Setting.Expected) in
            if SettingText.name(text, among: ["global"]) != nil { return .global }
            guard let count = try? Setting.positive(text) else {
                throw Setting.Expected("a whole number of at least 1, or 'global'")
            }
            return .samples(count)
        }
    ).unset("a rank's share of the batch")
}
