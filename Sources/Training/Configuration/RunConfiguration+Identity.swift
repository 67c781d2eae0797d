import Datasets
import Files

extension RunConfiguration {
    /// The fields that the run's numbers depend on, in a fixed order, as text.
    package var identity: [(name: String, value: String)] {
        ConfigurationField.all.filter(\.isIdentity).map { ($0.name, $0.read(self) ?? "") }
            + [("normalization", normalization.map { "mean \($0.mean) std \($0.std)" } ?? "")]
    }

    /// What all ranks must have been started with: the identity, and what decides which collectives there are.
    package var agreement: [(name: String, value: String)] { identity + [("evaluate-every", "\(evaluateEvery)")] }

    /// Fields of the identity that another configuration has differently: name, value here, value there.
    package func differences(from other: RunConfiguration) -> [(field: String, value: String, other: String)] {
        zip(identity, other.identity).filter { $0.value != $1.value }.map { ($0.name, $0.value, $1.value) }
    }

    /// FNV-1a over ``identity``, as 16 hexadecimal digits.
    package var configurationHash: String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in identity.map({ "\($0.name)=\($0.value);" }).joined().utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// What a checkpoint is held to. Where its first weights came from has no say any more, and their file may have
    /// moved.
    package var checkedSettings: [String: String] {
        Dictionary(uniqueKeysWithValues: identity.filter { $0.name != "init-weights" })
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
