import Files
import Foundation
import TensorFiles
import TestSupport
import Testing
import Training
import Vectors

@Suite struct CheckpointStoreTests {
    func store(_ folder: TemporaryFolder, keep: Int = 3) throws -> CheckpointStore {
        let store = CheckpointStore(folder: folder.file("checkpoints"), keep: keep)
        try store.prepare()
        return store
    }

    @Test func `a checkpoint is read back from the run, checkpoints or step folder, and its weights as a file`() throws
    {
        let folder = try TemporaryFolder()
        let path = try store(folder).write(state(1200), model: weights(2), optimizer: optimizer(7))
        #expect(path == folder.file("checkpoints/step-00001200"))
        for place in [folder.path, folder.file("checkpoints"), path, folder.path + "/"] {
            let checkpoint = try Checkpoint(place)
            #expect(checkpoint.state == state(1200))
            #expect(try firstWeight(checkpoint) == 2)
            #expect(checkpoint.optimizer?["updates"] != nil)
        }
        let file = try Checkpoint(path + "/model.safetensors")
        #expect(file.state == nil && file.ownModelName == "resnet8")
        #expect(try firstWeight(file) == 2)
        try file.require(model: "resnet8")
        #expect(
            message { try file.require(model: "vit") }.contains(
                "a checkpoint of model resnet8, not of vit; add --model"))
        #expect(try folder.text("checkpoints/latest") == "step-00001200\n")
    }

    @Test(arguments: [
        ("{\"format\":\"pt\",\"model\":\"ResNet-20\"}", "resnet20"), ("{\"model\":\"someone's own net\"}", nil),
        ("{\"crsam_dist.model\":\"vit\",\"model\":\"resnet20\"}", "vit"), ("{\"crsam_dist.later\":\"x\"}", nil),
    ])
    func `only a file of ours says for sure which model it is`(metadata: String, name: String?) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(header: "{\"__metadata__\":\(metadata)}", to: "x.safetensors")
        let file = try Checkpoint(path)
        #expect((file.ownModelName ?? file.olderModelName) == name)
        // What another tool's metadata says does not stand in the way of a flag.
        if !metadata.contains("crsam_dist.model") { try file.require(model: "resnet8") }
    }

    @Test(arguments: [
        ("crsam_dist.model", "../x"), ("crsam_dist.precision", "float8"), ("crsam_dist.classes", "-1"),
        ("crsam_dist.normalization", "[1"), ("crsam_dist.normalization", "{mean: [1], std: [0]}"),
        ("crsam_dist.input-shape", "x"), ("crsam_dist.seed", ""),
    ])
    func `a description that nobody can have meant is refused`(key: String, value: String) throws {
        let folder = try TemporaryFolder()
        let header = "{\"__metadata__\":{\"\(key)\":\"\(value)\"}}"
        let path = try folder.write(header: header, to: "x.safetensors")
        #expect(message { _ = try Checkpoint(path) }.hasPrefix("\(path): metadata \(key)"))
    }

    @Test func `a state of before has no fingerprints of data, a hash, and a model's name as it was typed`() throws {
        let folder = try TemporaryFolder()
        var state = state(5)
        (state.trainingData, state.testData) = ("ab", "cd")
        try store(folder).write(state, model: weights(5), optimizer: [])
        #expect(try Checkpoint(folder.path).state == state)
        let file = "checkpoints/step-00000005/state.json"
        let json = try folder.text(file).replacing(",\n  \"training_data\": \"ab\",\n  \"test_data\": \"cd\"", with: "")
            .replacing(" 64", with: " 64,\n  \"configuration_hash\": \"0123456789abcdef\"")
        _ = try folder.write(json.replacing("resnet8", with: "ResNet/8"), to: file)
        (state.trainingData, state.testData) = (nil, nil)
        #expect(try Checkpoint(folder.path).state == state)
    }

    @Test func `the newest stay, as many as asked for`() throws {
        let folder = try TemporaryFolder()
        let store = try store(folder, keep: 2)
        for step in [5, 10, 15, 20] { try store.write(state(step), model: weights(Float(step)), optimizer: []) }
        #expect(try folder.names("checkpoints") == ["latest", "step-00000015", "step-00000020"])
        #expect(try firstWeight(try Checkpoint(folder.path)) == 20)
    }

    @Test func `what a kill left half written is removed at the next start`() throws {
        let folder = try TemporaryFolder()
        try store(folder).write(state(5), model: weights(5), optimizer: [])
        try folder.makeFolder("checkpoints/.step-00000010.partial")
        _ = try folder.write("x", to: "checkpoints/.step-00000010.partial/model.safetensors")
        _ = try folder.write("step-000", to: "checkpoints/.latest.partial")
        #expect(try Checkpoint(folder.path).state == state(5))
        try store(folder).prepare()
        #expect(try folder.names("checkpoints") == ["latest", "step-00000005"])
    }

    @Test func `a checkpoint that latest does not name yet is written anew`() throws {
        let folder = try TemporaryFolder()
        let store = try store(folder)
        try store.write(state(5), model: weights(5), optimizer: [])
        try store.write(state(10), model: weights(10), optimizer: [])
        _ = try folder.write("step-00000005\n", to: "checkpoints/latest")
        #expect(try firstWeight(try Checkpoint(folder.path)) == 5)
        try store.write(state(10), model: weights(11), optimizer: [])
        #expect(try firstWeight(try Checkpoint(folder.path)) == 11)
    }

    @Test(arguments: ["", "../../etc", "step-00000077", "step-5", "\u{0}"])
    func `without a usable latest the highest step counts`(latest: String) throws {
        let folder = try TemporaryFolder()
        let store = try store(folder)
        try store.write(state(99_999_999), model: weights(1), optimizer: [])
        try store.write(state(100_000_000), model: weights(2), optimizer: [])
        _ = try folder.write(latest, to: "checkpoints/latest")
        #expect(try Checkpoint(folder.path).state?.step == 100_000_000)
    }

    @Test func `a disk that fills up at any byte leaves the checkpoint before, and says so`() throws {
        let folder = try TemporaryFolder()
        let whole = SmallDisk(.max)
        let sizing = CheckpointStore(folder: folder.file("sizing")) { path throws(FileError) in
            try SmallDisk.File(whole, path)
        }
        try sizing.prepare()
        try sizing.write(state(10), model: weights(9), optimizer: optimizer(9))
        let needed = Int.max - whole.budget
        #expect(needed > 400)

        try store(folder).write(state(5), model: weights(5), optimizer: optimizer(5))
        for budget in 0..<needed {
            let disk = SmallDisk(budget)
            let small = CheckpointStore(folder: folder.file("checkpoints")) { path throws(FileError) in
                try SmallDisk.File(disk, path)
            }
            let text = message { try small.write(state(10), model: weights(9), optimizer: optimizer(9)) }
            #expect(text.contains("checkpoints/step-00000010 was not written: cannot write"), "at byte \(budget)")
            #expect(text.contains("No space left on device; free some space there; the one before it"))
            #expect(text.contains("step-00000005, is whole: --resume continues from there"))
            #expect(try folder.names("checkpoints") == ["latest", "step-00000005"], "at byte \(budget)")
            #expect(try Checkpoint(folder.path).state == state(5))
        }
        let disk = SmallDisk(needed)
        let exact = CheckpointStore(folder: folder.file("checkpoints")) { path throws(FileError) in
            try SmallDisk.File(disk, path)
        }
        try exact.write(state(10), model: weights(9), optimizer: optimizer(9))
        #expect(try Checkpoint(folder.path).state == state(10))
    }

    @Test func `the first checkpoint failing leaves nothing`() throws {
        let folder = try TemporaryFolder()
        try folder.makeFolder("checkpoints")
        for budget in [0, 1, 100, 200, 300] {
            let disk = SmallDisk(budget)
            let store = CheckpointStore(folder: folder.file("checkpoints")) { path throws(FileError) in
                try SmallDisk.File(disk, path)
            }
            #expect(message { try store.write(state(1), model: weights(1), optimizer: []) }.hasSuffix("none before it"))
            #expect(try folder.names("checkpoints").isEmpty)
        }
    }

    @Test func `places without a checkpoint are named`() throws {
        let folder = try TemporaryFolder()
        #expect(message { _ = try Checkpoint(folder.path) }.hasPrefix("no checkpoint in \(folder.path); name a run"))
        #expect(
            message { _ = try Checkpoint(folder.file("no")) }.hasPrefix(
                "no checkpoint in \(folder.file("no")): it does not"))
    }

    @Test(arguments: [
        ("", "expected an object"), ("{}", "a key is missing"), ("{\"step\": -1}", "not negative"),
        ("{\"steps\": 1}", "unknown key \"steps\""), ("{\"step\": 1, \"step\": 1}", "occurs twice"),
    ])
    func `a damaged state is refused with its reason`(json: String, problem: String) throws {
        let folder = try TemporaryFolder()
        let path = try store(folder).write(state(5), model: weights(5), optimizer: [])
        _ = try folder.write(json, to: "checkpoints/step-00000005/state.json")
        let text = message { _ = try Checkpoint(folder.path) }
        #expect(text.contains(problem) && text.hasPrefix("checkpoint \(path) is damaged (state.json: "))
    }

    @Test func `the state of another format version is refused`() throws {
        let folder = try TemporaryFolder()
        try store(folder).write(state(5), model: weights(5), optimizer: [])
        let file = "checkpoints/step-00000005/state.json"
        let json = try folder.text(file).replacing("\"format_version\": 1", with: "\"format_version\": 2")
        _ = try folder.write(json, to: file)
        #expect(message { _ = try Checkpoint(folder.path) }.contains("format_version 2 is not 1"))
    }

    @Test(arguments: [
        "config.yaml", "metrics.jsonl", "epochs.csv", "checkpoints/latest", "checkpoints/step-00000005/state.json",
        "checkpoints/step-00000005/optimizer.safetensors",
    ])
    func `a file of a run stands for the checkpoint that it belongs to`(name: String) throws {
        let folder = try TemporaryFolder()
        try store(folder).write(state(5), model: weights(5), optimizer: optimizer(5))
        for name in ["config.yaml", "metrics.jsonl", "epochs.csv"] { _ = try folder.write("x: 1\n", to: name) }
        #expect(try Checkpoint(folder.file(name)).state == state(5))
        #expect(try Checkpoint(weights: folder.file(name)).optimizer == nil)
    }

    @Test(arguments: ["step-00000005\r\n", "step-00000005", "  step-00000005 \n# by hand\n"])
    func `latest may have been edited`(text: String) throws {
        let folder = try TemporaryFolder()
        let store = try store(folder)
        for step in [5, 10] { try store.write(state(step), model: weights(1), optimizer: []) }
        _ = try folder.write(text, to: "checkpoints/latest")
        #expect(try Checkpoint(folder.path).state?.step == 5)
        #expect(try Checkpoint(folder.file("checkpoints/latest")).state?.step == 5)
    }

    @Test(arguments: ["step-00000099\n", "junk", "", "\u{0}\u{1}", String(repeating: "x", count: 5000)])
    func `a latest that names nothing says which is the newest, asked by its own name`(text: String) throws {
        let folder = try TemporaryFolder()
        try store(folder).write(state(5), model: weights(1), optimizer: [])
        let path = try folder.write(text, to: "checkpoints/latest")
        #expect(message { _ = try Checkpoint(path) }.hasPrefix("no checkpoint in \(path): it names "))
        #expect(try Checkpoint(folder.path).state?.step == 5)
    }

    @Test func `latest as a link to a step's folder is followed and replaced; as a folder it is refused at the start`()
        throws
    {
        let folder = try TemporaryFolder()
        let store = try store(folder)
        for step in [5, 10] { try store.write(state(step), model: weights(1), optimizer: []) }
        let latest = folder.file("checkpoints/latest")
        try FileManager.default.removeItem(atPath: latest)
        try FileManager.default.createSymbolicLink(atPath: latest, withDestinationPath: "step-00000005")
        #expect(try Checkpoint(folder.path).state?.step == 5 && Checkpoint(latest).state?.step == 5)
        try store.prepare()
        try store.write(state(15), model: weights(1), optimizer: [])
        #expect(try folder.text("checkpoints/latest") == "step-00000015\n")
        #expect(try Checkpoint(folder.path).state?.step == 15)
        try FileManager.default.removeItem(atPath: latest)
        try FileManager.default.createSymbolicLink(atPath: latest, withDestinationPath: "gone")
        #expect(try Checkpoint(folder.path).state?.step == 15)
        try FileManager.default.removeItem(atPath: latest)
        try folder.makeFolder("checkpoints/latest")
        #expect(message { try store.prepare() }.contains("checkpoints/latest: it is a folder"))
    }

    static let damages: [(file: String, bytes: Int?, problem: String)] = [
        ("model.safetensors", 100, "model.safetensors: it is cut short"), ("model.safetensors", 0, "it is empty"),
        ("optimizer.safetensors", 120, "optimizer.safetensors: it is cut short"), ("state.json", 9, "state.json: "),
        ("state.json", nil, "state.json is missing"), ("model.safetensors", nil, "model.safetensors is missing"),
        ("optimizer.safetensors", nil, "optimizer.safetensors is missing"),
    ]

    @Test(arguments: damages.indices) func `a damaged checkpoint names the newest whole one`(index: Int) throws {
        let (file, bytes, problem) = Self.damages[index]
        let folder = try TemporaryFolder()
        let store = try store(folder)
        for step in [5, 10, 15] {
            let counts = NamedTensor("run.counts", shape: [4], .int64([step, 0, 0, 0]))
            let sums = NamedTensor("run.epoch_sums", shape: [4], .float64([0, 0, 0, 0]))
            try store.write(state(step), model: weights(1), optimizer: [counts, sums])
        }
        func damage(_ step: String) throws {
            let name = "checkpoints/step-\(step)/\(file)"
            let whole = try folder.bytes(name)
            try FileManager.default.removeItem(atPath: folder.file(name))
            if let bytes { _ = try folder.write(Array(whole.prefix(bytes)), to: name) }
        }
        try damage("00000015")
        let newest = folder.file("checkpoints/step-00000015")
        let text = message { _ = try Checkpoint(folder.path) }
        #expect(text.hasPrefix("checkpoint \(newest) is damaged (") && text.contains(problem))
        #expect(text.contains("the newest whole one is \(folder.file("checkpoints/step-00000010")): "))
        #expect(text.contains("remove \(newest), and --resume") && !text.contains("download"))
        try damage("00000010")
        #expect(
            message { _ = try Checkpoint(folder.path) }.contains(
                "whole one is \(folder.file("checkpoints/step-00000005"))"))
        try damage("00000005")
        #expect(message { _ = try Checkpoint(folder.path) }.contains("no other one beside it is whole"))
        // Weights need no optimizer.
        if file == "optimizer.safetensors" { #expect(try Checkpoint(weights: folder.path).state?.step == 15) }
    }

    @Test func `the tensors of another model are all named`() throws {
        let folder = try TemporaryFolder()
        try store(folder).write(state(5), model: weights(5), optimizer: [])
        var layout = TensorLayout()
        layout.append("head.weight", shape: [2, 2])
        let model = try Checkpoint(folder.path).model
        #expect(
            message { try model.require(layout) }.hasSuffix(
                "the model: missing head.weight (is it fc.weight?); extra fc.weight"))
    }

    // MARK: Samples

    /// Its step, weights of one value, and an optimizer's count.
    func state(_ step: Int) -> CheckpointState {
        CheckpointState(
            step: step, epoch: 1, position: 256, seed: .max, mSharpness: 64, model: "resnet8")
    }

    func weights(_ value: Float) -> [NamedTensor] {
        let vector = FlatVector(count: 4)
        vector.fill(value)
        return [NamedTensor("fc.weight", shape: [2, 2], .float32(vector))]
    }

    func optimizer(_ value: Int) -> [NamedTensor] { [NamedTensor("updates", shape: [], .int64([value]))] }

    func firstWeight(_ checkpoint: Checkpoint) throws -> Float? {
        guard case .float32(let vector) = try checkpoint.model.readAll()["fc.weight"]?.values else { return nil }
        return vector[3]
    }
}
