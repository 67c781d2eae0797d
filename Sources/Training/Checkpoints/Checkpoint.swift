import Files
import Models
import TensorFiles
import Vectors

/// A checkpoint open for reading, or a bare file of weights.
package struct Checkpoint: Sendable {
    /// The step's folder, or the file.
    package let path: String
    /// Nil where only weights were given.
    package let state: CheckpointState?
    /// The weights, or their average where that was asked for.
    package let model: SafeTensorsFile
    /// Nil where only weights were given.
    package let optimizer: SafeTensorsFile?
    /// The weights' average, beside them; nil where the run keeps none, and where only weights were given.
    package let average: SafeTensorsFile?

    /// What the weights' own file says of them.
    let description: WeightsDescription

    /// The model's name, where the checkpoint says it.
    package var ownModelName: String? { state?.model ?? description["model"] }

    /// From a key that our files once used and that other tools use for their own names: only a guess.
    package var olderModelName: String? {
        model.metadata.first { $0.key == "model" }.flatMap { try? modelCatalog.entry($0.value).name }
    }

    /// Opens what `path` names: a run folder, its checkpoints folder (the newest checkpoint of either), one step's
    /// folder, a file in one of them, or a `.safetensors` file. Checks the headers; reads no values yet.
    package init(_ path: String) throws(CheckpointError) { try self.init(path, for: .resume) }

    /// The same where only weights are wanted: what became of the optimizer's vectors does not matter.
    ///
    /// - Parameter average: of the weights in their place; throws where there is none.
    package init(weights path: String, average: Bool = false) throws(CheckpointError) {
        try self.init(path, for: average ? .average : .weights)
    }

    private init(_ path: String, for use: CheckpointUse) throws(CheckpointError) {
        switch try CheckpointPlace(path) {
        case .weights(let file):
            self.path = file
            let (name, folder) = (FileSystem.lastName(of: file), FileSystem.directory(of: file))
            if use == .average, name != CheckpointStore.averageFile { throw .noAverage(path: file) }
            state = nil
            do throws(SafeTensorsError) { model = try SafeTensorsFile(file) } catch {
                guard let problem = error.damage,
                    [CheckpointStore.modelFile, CheckpointStore.averageFile].contains(name),
                    CheckpointStore.step(ofFolder: FileSystem.lastName(of: folder)) != nil
                else { throw .tensors(error) }
                // One of a run's own.
                throw .damaged(path: folder, problems: ["\(name): \(problem)"], whole: Self.whole(beside: folder))
            }
            (optimizer, average) = (nil, nil)
            description = try WeightsDescription(model)
        case .step(let folder):
            let files = try CheckpointFiles(folder, for: use)
            guard let state = files.state, let model = use == .average ? files.average : files.model,
                files.damage.isEmpty
            else {
                throw .damaged(path: folder, problems: files.damage, whole: Self.whole(beside: folder))
            }
            (self.path, self.state, self.model, optimizer) = (folder, state, model, files.optimizer)
            average = use == .resume ? files.average : nil
            description = try WeightsDescription(model)
        }
    }

    /// The newest whole checkpoint of the same run except `folder`.
    private static func whole(beside folder: String) -> String? {
        let run = FileSystem.directory(of: folder)
        let names = (try? CheckpointStore(folder: run).stepFolders()) ?? []
        return names.reversed().filter { $0 != FileSystem.lastName(of: folder) }.map { run + "/" + $0 }.first {
            guard let files = try? CheckpointFiles($0, for: .resume), let optimizer = files.optimizer else {
                return false
            }
            let weights = [files.model, files.average].map { $0.flatMap { try? WeightsDescription($0) }?.step }
            let steps = [try? RunProgress(optimizer).step] + weights
            return files.damage.isEmpty && steps[0] != nil
                && steps.compactMap(\.self).allSatisfy { $0 == files.state?.step }
        }
    }

    /// Throws unless the weights are those of `name`; a bare file that does not say is trusted: its tensors show it.
    package func require(model name: String) throws(CheckpointError) {
        if let found = ownModelName, found != name { throw .otherModel(path: path, found: found, expected: name) }
    }

    /// The step to continue from; 0 for bare weights. Throws where `state.json` does not belong to the other files, to
    /// the run or to its data: continuing would give another run than the one that was interrupted.
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
        // Half of another checkpoint was copied over it.
        let averageStep = try average.flatMap { try WeightsDescription($0).step }
        for (file, step) in [
            (CheckpointStore.modelFile, description.step), (CheckpointStore.averageFile, averageStep),
        ] {
            guard let step, step != counted else { continue }
            throw damaged("\(file): it is of step \(step), the files beside it are of step \(counted)")
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

    /// Throws where the settings are not those that the run was trained with so far.
    func requireSettings(of configuration: RunConfiguration) throws(CheckpointError) {
        guard let state else { return }
        let differences = configuration.checkedSettings.filter { state.settings[$0.key] ?? $0.value != $0.value }
            .sorted { $0.key < $1.key }
            .map { "\($0.key) \(Self.shown(state.settings[$0.key] ?? "")) there, \(Self.shown($0.value)) now" }
        if !differences.isEmpty { throw .otherSettings(path: path, differences: differences) }
    }

    /// Throws where the images are not those that the run was trained and tested with so far.
    ///
    /// - Parameter fingerprints: of training and test images.
    func requireData(of configuration: RunConfiguration, _ fingerprints: [String]) throws(CheckpointError) {
        guard let state else { return }
        let kinds = [("training", state.trainingData), ("test", state.testData)]
        for ((images, stored), found) in zip(kinds, fingerprints) where stored != nil && stored != found {
            throw .otherData(
                path: path, images: images,
                directory: configuration.dataDirectory ?? configuration.dataset.defaultDirectory ?? "")
        }
    }

    private static func shown(_ value: String) -> String { value.isEmpty ? "none" : value }

    /// What does not fit in files that the run itself wrote is damage, not another model's.
    func checkingOwnFiles(_ read: () throws -> Void) throws {
        do { try read() } catch CheckpointError.otherTensors(let path, let summary, _) {
            throw damaged("\(FileSystem.lastName(of: path)): \(summary)")
        } catch CheckpointError.notFinite(let path, let tensor) {
            throw damaged("\(FileSystem.lastName(of: path)): tensor \(tensor) holds values that are not finite numbers")
        } catch CheckpointError.negativeVariance(let path, let tensor) {
            throw damaged("\(FileSystem.lastName(of: path)): tensor \(tensor) holds negative variances")
        }
    }

    /// What is wrong, known once values are read.
    func damaged(_ problem: String) -> CheckpointError {
        .damaged(path: path, problems: [problem], whole: Self.whole(beside: path))
    }
}

extension SafeTensorsFile {
    /// Throws, naming all that do not fit, unless the file holds exactly the tensors of `layouts`.
    package func require(_ layouts: TensorLayout..., others: Set<String> = []) throws(CheckpointError) {
        let expected = layouts.flatMap(\.entries).map { ($0.name, $0.shape) }
        let matching = TensorMatching(self, against: expected, others: others)
        if !matching.isExact { throw .otherTensors(path: path, summary: matching.summary) }
    }
}
