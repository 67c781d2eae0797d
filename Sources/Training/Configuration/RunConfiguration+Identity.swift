import Datasets
import Files

extension RunConfiguration {
    /// The settings that the run's numbers depend on, in a fixed order, as text.
    package var identity: [(name: String, value: String)] {
        values(\.isIdentity) + [("normalization", normalization.map { "mean \($0.mean) std \($0.std)" } ?? "")]
    }

    /// What all ranks must have been started with: the identity, and what a resumed run may change.
    package var agreement: [(name: String, value: String)] { identity + changeable }

    /// What all ranks must have been started with and a resumed run may change.
    var changeable: [(name: String, value: String)] { values { $0.scope == .job } }

    private func values(_ isWanted: (Setting) -> Bool) -> [(name: String, value: String)] {
        Setting.all.filter(isWanted).map { ($0.name, $0.identify(self) ?? "") }
    }

    /// The same run, whether a value was given or is the default.
    package static func == (a: Self, b: Self) -> Bool {
        Setting.all.allSatisfy { $0.read(a) == $0.read(b) } && a.normalization == b.normalization
            && a.resume == b.resume && a.warnings == b.warnings
    }

    /// Settings of the identity that another configuration has differently: name, this value, the other value.
    package func differences(from other: RunConfiguration) -> [(field: String, value: String, other: String)] {
        zip(identity, other.identity).filter { $0.value != $1.value }.map { ($0.name, $0.value, $1.value) }
    }

    /// What a checkpoint is held to. Where its first weights came from has no say any more, and their file may have
    /// moved.
    package var checkedSettings: [String: String] {
        Dictionary(uniqueKeysWithValues: identity.filter { Setting.named($0.name)?.scope != .start })
    }

    /// With what only data and rank count decide filled in, M and the normalization, and paths that hold from any
    /// folder.
    package func resolved(mSharpness: Int, normalization: ChannelNormalization) -> RunConfiguration {
        var result = self
        result.mSharpness = .samples(mSharpness)
        result.normalization = normalization
        result.makePathsAbsolute()
        return result
    }

    /// Relative paths are from the working directory, those of a YAML file too.
    package mutating func makePathsAbsolute() {
        dataDirectory = dataDirectory.map(FileSystem.absolute)
        initWeights = initWeights.map(FileSystem.absolute)
        for index in evaluationSets.indices {
            evaluationSets[index].directory = FileSystem.absolute(evaluationSets[index].directory)
        }
    }

    /// M once resolved; 0 before.
    package var effectiveMSharpness: Int {
        switch mSharpness {
        case .samples(let count): count
        case .global: batchSize
        case nil: 0
        }
    }
}
