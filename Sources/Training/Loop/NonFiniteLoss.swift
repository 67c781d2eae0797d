import Collectives

/// A step whose loss or gradient is not a finite number. Thrown on all ranks alike, before the weights are touched.
package struct NonFiniteLoss: Error, Equatable, CustomStringConvertible {
    package let step: Int
    package let loss: Double
    /// Ranks whose own share is not finite; empty where only the sum is not.
    package let ranks: [Int]
    private let remedy: String

    /// Every rank must call it: one all-gather determines whose share it is.
    ///
    /// - Parameter isKept: whether there is a checkpoint or an epoch's row, which other settings may not continue.
    init(
        step: Int, _ scalars: StepScalars, isLocal: Bool, of configuration: RunConfiguration, isKept: Bool,
        _ world: Communicator
    ) throws(MPIError) {
        self.step = step
        loss = scalars.loss
        remedy = configuration.divergenceRemedy(isKept: isKept)
        ranks = try world.allGather(UInt8(isLocal ? 1 : 0)).enumerated().filter { $0.element == 1 }.map(\.offset)
    }

    package var description: String {
        let shown = ranks.prefix(8).map(String.init).joined(separator: ", ") + (ranks.count > 8 ? ", …" : "")
        let place = ranks.isEmpty ? "the reduced gradient" : "the loss on rank\(ranks.count > 1 ? "s" : "") \(shown)"
        return "step \(step): \(place) is not finite (mean loss \(loss)): \(remedy)"
    }
}

/// An update that left weights or running statistics which are not finite numbers: they are not saved.
struct NonFiniteWeights: Error, CustomStringConvertible {
    let step: Int
    let configuration: RunConfiguration
    let isKept: Bool

    var description: String {
        "step \(step) left weights or running statistics that are not finite, so no checkpoint is made of it: "
            + configuration.divergenceRemedy(isKept: isKept)
    }
}

/// An evaluation whose mean loss is not a finite number.
struct NonFiniteEvaluation: Error, CustomStringConvertible {
    let loss: Double

    var description: String {
        "the loss on the test images is \(loss.isNaN ? "not a number" : "\(loss)"): the weights or running statistics "
            + "are not finite or far too large; use an earlier "
            + "checkpoint, or train with a lower --learning-rate"
    }
}

extension RunConfiguration {
    /// What may keep a training with these settings from growing beyond all bounds: settings that it uses.
    ///
    /// - Parameter isKept: whether the output folder holds results, and takes no run with other settings.
    fileprivate func divergenceRemedy(isKept: Bool) -> String {
        let lowered = [
            ("learning-rate", learningRate), ("rho", rho), ("alpha", alpha), ("beta", beta),
            ("weight-decay", weightDecay),
        ].filter { name, value in
            value > 0 && Setting.named(name)?.uselessness(in: self) == nil
        }.map { "--\($0.0)" }
        let listed =
            lowered.count > 1
            ? "\(lowered.dropLast().joined(separator: ", ")) or \(lowered.last ?? "")" : lowered.joined()
        return
            "lower \(listed), raise --warmup-epochs, or \(clipNorm == nil ? "add --clip-norm 1" : "lower --clip-norm")"
            + (isKept ? ", in a new run\(output == nil ? "" : " with another --output")" : "")
    }
}
