import Vectors

/// A checkpoint open for reading, or a bare file of weights.
public struct Checkpoint: Sendable {
    /// The step's folder, or the file.
    public let path: String
    /// Nil where only weights were given.
    public let state: CheckpointState?
    public let model: SafeTensorsFile
    /// Nil where only weights were given.
    public let optimizer: SafeTensorsFile?

    /// The model's name as the file has it, where it has one.
    public var modelName: String? { state?.model ?? model.metadata.first { $0.key == "model" }?.value }

    /// Opens what `path` names: a run folder, its checkpoints folder (the newest checkpoint of either), one step's folder,
    /// a file in one of them, or a `.safetensors` file. Checks the headers; reads no values yet.
    public init(_ path: String) throws(CheckpointError) { try self.init(path, withOptimizer: true) }

    /// The same where only weights are wanted: what became of the optimizer's vectors does not matter.
    public init(weights path: String) throws(CheckpointError) { try self.init(path, withOptimizer: false) }

    private init(_ path: String, withOptimizer: Bool) throws(CheckpointError) {
        switch try CheckpointPlace(path) {
        case .weights(let file):
            self.path = file
            state = nil
            do throws(SafeTensorsError) { model = try SafeTensorsFile(file) } catch { throw .tensors(error) }
            optimizer = nil
        case .step(let folder):
            let files = try CheckpointFiles(folder, withOptimizer: withOptimizer)
            guard let state = files.state, let model = files.model, files.damage.isEmpty else {
                throw .damaged(path: folder, problems: files.damage, whole: Self.whole(beside: folder))
            }
            (self.path, self.state, self.model, optimizer) = (folder, state, model, files.optimizer)
        }
    }

    /// The newest whole checkpoint of the same run but `folder`.
    private static func whole(beside folder: String) -> String? {
        let run = FileSystem.directory(of: folder)
        let names = (try? CheckpointStore(folder: run).stepFolders()) ?? []
        return names.reversed().filter { $0 != FileSystem.lastName(of: folder) }.map { run + "/" + $0 }.first {
            guard let files = try? CheckpointFiles($0, withOptimizer: true), let optimizer = files.optimizer else {
                return false
            }
            return files.damage.isEmpty && (try? RunProgress(optimizer).step) == files.state?.step
        }
    }

    /// Throws unless the weights are those of `name`; a bare file that does not say is trusted, its tensors tell.
    public func require(model name: String) throws(CheckpointError) {
        if let found = modelName, found != name { throw .otherModel(path: path, found: found, expected: name) }
    }

    /// The step to go on from; 0 for bare weights. Throws where `state.json` does not belong to the other files, to the run or
    /// to its data: going on would give another run than the one that was interrupted.
    func step(of configuration: RunConfiguration, stepsPerEpoch: Int) throws -> Int {
        guard let state, let optimizer else { return 0 }
        let counted: Int
        do { counted = try RunProgress(optimizer).step } catch {
            throw damaged("\(CheckpointStore.optimizerFile) lacks the run's counts")
        }
        guard state.step == counted else {
            throw damaged(
                "\(CheckpointStore.stateFile): step is \(state.step), but \(counted) by "
                    + "\(CheckpointStore.optimizerFile) beside it"
            )
        }
        let path = path + "/" + CheckpointStore.stateFile
        let (epoch, stepInEpoch) = counted.quotientAndRemainder(dividingBy: stepsPerEpoch)
        for (key, there, here, place) in [
            ("seed", "\(state.seed)", "\(configuration.seed)", "this run's configuration"),
            ("m_sharpness", "\(state.mSharpness)", "\(configuration.effectiveMSharpness)", "this run's configuration"),
            ("epoch", "\(state.epoch)", "\(epoch)", "\(stepsPerEpoch) steps an epoch, as --data has samples for"),
            (
                "position", "\(state.position)", "\(stepInEpoch * configuration.batchSize)",
                "\(stepsPerEpoch) steps an epoch, as --data has samples for"
            ),
        ] where there != here {
            throw CheckpointError.malformedState(
                path: path, problem: "\(key) is \(there), but \(here) by \(place)")
        }
        return counted
    }

    /// What does not fit in files that the run itself wrote is damage, not another model's.
    func checkingOwnFiles(_ read: () throws -> Void) throws {
        do { try read() } catch CheckpointError.otherTensors(let path, let summary, _) {
            throw damaged("\(FileSystem.lastName(of: path)): \(summary)")
        } catch CheckpointError.notFinite(let path, let tensor) {
            throw damaged("\(FileSystem.lastName(of: path)): tensor \(tensor) holds values that are not finite numbers")
        }
    }

    /// What is found wrong once values are read.
    func damaged(_ problem: String) -> CheckpointError {
        .damaged(path: path, problems: [problem], whole: Self.whole(beside: path))
    }
}

extension SafeTensorsFile {
    /// Throws, naming all that do not fit, unless the file holds exactly the tensors of `layouts`.
    public func require(_ layouts: TensorLayout..., others: Set<String> = []) throws(CheckpointError) {
        let expected = layouts.flatMap(\.entries).map { ($0.name, $0.shape) }
        let matching = TensorMatching(self, against: expected, others: others)
        if !matching.isExact { throw .otherTensors(path: path, summary: matching.summary) }
    }
}
