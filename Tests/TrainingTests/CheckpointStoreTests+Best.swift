import Files
import TensorFiles
import TestSupport
import Testing
import Training

extension CheckpointStoreTests {
    @Test func `the best stays however old it is, and is read by its name`() throws {
        let folder = try TemporaryFolder()
        let store = try store(folder, keep: 2)
        for step in [5, 10, 15, 20, 25] {
            try store.write(state(step), model: weights(Float(step)), optimizer: [], isBest: step == 10)
            // It takes the place of no other.
            if step == 15 {
                let names = try folder.names("checkpoints")
                #expect(names == ["best", "latest", "step-00000005", "step-00000010", "step-00000015"])
            }
        }
        let kept = [10, 20, 25].map { "step-000000\($0)" }
        #expect(try folder.names("checkpoints") == ["best", "latest"] + kept)
        #expect(try firstWeight(Checkpoint(folder.file("checkpoints/best"))) == 10)
        #expect(try Checkpoint(folder.path).state?.step == 25)
        try store.write(state(30), model: weights(30), optimizer: [], isBest: true)
        #expect(try folder.names("checkpoints") == ["best", "latest", "step-00000025", "step-00000030"])
        #expect(try firstWeight(Checkpoint(folder.file("checkpoints/best"))) == 30)
    }

    @Test func `a resume names the best that its checkpoint knows of, if it is there`() throws {
        let folder = try TemporaryFolder()
        let store = try store(folder)
        for step in [5, 10] { try store.write(state(step), model: weights(1), optimizer: [], isBest: true) }
        try store.keep(best: 5)
        #expect(try folder.text("checkpoints/best") == "step-00000005\n")
        for step in [nil, 7] {
            try store.keep(best: 10)
            try store.keep(best: step)
            #expect(try folder.names("checkpoints") == ["latest", "step-00000005", "step-00000010"])
        }
        #expect(message { _ = try Checkpoint(folder.file("checkpoints/best")) }.hasPrefix("no checkpoint in"))
        try folder.makeFolder("checkpoints/best")
        #expect(message { try store.keep(best: 10) }.contains("checkpoints/best: it is a folder"))
    }

    @Test func `a disk that fills up while the best is named leaves the one before, and the new checkpoint`() throws {
        let folder = try TemporaryFolder()
        let whole = SmallDisk(.max)
        func store(_ disk: SmallDisk) -> CheckpointStore {
            CheckpointStore(folder: folder.file("checkpoints")) { path throws(FileError) in
                try SmallDisk.File(disk, path)
            }
        }
        try store(whole).prepare()
        try store(whole).write(state(5), model: weights(5), optimizer: [], isBest: true)
        whole.budget = .max
        try store(whole).write(state(10), model: weights(9), optimizer: [])
        let needed = Int.max - whole.budget
        for budget in needed..<(needed + 15) {
            let small = store(SmallDisk(budget))
            let text = message { try small.write(state(15), model: weights(9), optimizer: [], isBest: true) }
            #expect(text.contains("checkpoints/") && text.contains("best") && text.contains("No space left"))
            #expect(try Checkpoint(folder.file("checkpoints/best")).state?.step == 5, "at byte \(budget)")
            #expect(try Checkpoint(folder.path).state?.step == 15)
            try FileSystem.remove(folder.file("checkpoints/step-00000015"))
            _ = try folder.write("step-00000010\n", to: "checkpoints/latest")
        }
    }

    @Test func `an average lies beside the weights, and is read where it is asked for`() throws {
        let folder = try TemporaryFolder()
        let store = try store(folder)
        var averaging = state(5)
        averaging.settings = ["ema-decay": "0.9"]
        let path = try store.write(averaging, model: weights(5), optimizer: [], average: weights(4))
        let file = path + "/ema.safetensors"
        for place in [folder.path, path, file] {
            #expect(try firstWeight(Checkpoint(weights: place, average: true)) == 4, "\(place)")
        }
        #expect(try firstWeight(Checkpoint(file)) == 4 && firstWeight(Checkpoint(path)) == 5)
        #expect(try Checkpoint(path).average?.path == file)
        let model = path + "/model.safetensors"
        #expect(message { _ = try Checkpoint(weights: model, average: true) }.hasPrefix("\(model) has no EMA"))
        _ = try folder.write("", to: "checkpoints/step-00000005/ema.safetensors")
        #expect(message { _ = try Checkpoint(path) }.contains("is damaged (ema.safetensors: "))
        try FileSystem.remove(file)
        #expect(message { _ = try Checkpoint(path) }.contains("is damaged (ema.safetensors is missing)"))
        #expect(try firstWeight(Checkpoint(weights: path)) == 5)
        let plain = try store.write(state(6), model: weights(6), optimizer: [])
        #expect(message { _ = try Checkpoint(weights: plain, average: true) }.contains("has no EMA of its weights"))
    }
}
