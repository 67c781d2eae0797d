import Compute
import Files
import Models
import Optimizers
import TensorFiles
import TestSupport
import Testing
import Training
import Vectors

/// A model of the catalog with numbered weights.
private func state(
    _ model: String, shape: [Int] = [3, 32, 32], classes: Int = 10
) throws -> ModelState {
    let graph = try modelCatalog.entry(model).graph(inputShape: shape, classes: classes)
    let state = ModelState(graph)
    for (layout, vector) in [(graph.parameterLayout, state.weights), (graph.statisticsLayout, state.statistics)] {
        for entry in layout.entries { for index in entry.range { vector[index] = Float(index % 64) } }
    }
    return state
}

private func write(_ tensors: [NamedTensor], to folder: TemporaryFolder) throws -> SafeTensorsFile {
    let path = folder.file("a.safetensors")
    try SafeTensors.write(tensors, to: OutputFile(path))
    return try SafeTensorsFile(path)
}

private func renamed(_ tensors: [NamedTensor], _ name: (String) -> String) -> [NamedTensor] {
    tensors.map { NamedTensor(name($0.name), shape: $0.shape, $0.values) }
}

@Suite struct ModelStateTests {
    @Test(arguments: [
        "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.", "state_dict.model.module.",
        "teacher.net.",
        "_fsdp_wrapped_module.",
    ])
    func `a prefix that all tensors have is dropped`(prefix: String) throws {
        let folder = try TemporaryFolder()
        let (source, target) = (try state("resnet8"), try state("resnet8"))
        target.weights.fill(0)
        try target.readModel(
            write(renamed(source.modelTensors(statisticsUpdates: 3)) { prefix + $0 }, to: folder), model: "resnet8")
        #expect(target.weights.array == source.weights.array && target.statistics.array == source.statistics.array)
    }

    @Test func `wrappers inside names and the count of an average are no obstacle`() throws {
        let folder = try TemporaryFolder()
        let (source, target) = (try state("resnet8"), try state("resnet8"))
        target.weights.fill(0)
        let tensors = renamed(source.modelTensors(statisticsUpdates: 3)) {
            "module." + $0.replacing("layer2.0.", with: "layer2._orig_mod.0.")
        }
        try target.readModel(
            write(tensors + [NamedTensor("n_averaged", shape: [], .int64([4]))], to: folder), model: "resnet8")
        #expect(target.weights.array == source.weights.array)
    }

    @Test func `a prefix that some tensors have, or two tensors of one name without it, are not dropped`() throws {
        let folder = try TemporaryFolder()
        let target = try state("resnet8")
        let tensors = target.modelTensors(statisticsUpdates: 3)
        var isFirst = true
        let some = renamed(tensors) { name in
            defer { isFirst = false }
            return isFirst ? name : "module." + name
        }
        #expect(
            message { try target.readModel(write(some, to: folder), model: "resnet8") }.contains("extra module.bn1."))
        let twice = tensors + renamed(tensors) { "module." + $0 }
        #expect(
            message { try target.readModel(write(twice, to: folder), model: "resnet8") }.contains("extra module.conv1"))
    }

    @Test(arguments: [
        ("resnet20", [3, 32, 32], 10, "those of resnet20 for 10 classes: use --model resnet20"),
        ("vit", [1, 28, 28], 100, "those of vit for 100 classes: use --model vit"),
        ("resnet18", [3, 32, 32], 7, "those of resnet18 for 7 classes: use --model resnet18"),
        ("resnet8", [3, 32, 32], 100, "head is for 100 classes, the data set has 10"),
        ("resnet8", [1, 28, 28], 10, "images of 1 channel, the data set's have 3 channels (3 x 32 x 32)"),
    ])
    func `tensors that fit another model, head or image say so`(model: String, shape: [Int], classes: Int, text: String)
        throws
    {
        let folder = try TemporaryFolder()
        let tensors = try state(model, shape: shape, classes: classes).modelTensors(statisticsUpdates: 1)
        let target = try state("resnet8")
        let before = target.weights.array
        for prefix in ["", "module."] {
            let file = try write(renamed(tensors) { prefix + $0 }, to: folder)
            let text = (text, message { try target.readModel(file, model: "resnet8") })
            #expect(text.1.contains(text.0) && text.1.contains(" does not fit the model: "))
        }
        #expect(target.weights.array == before)
    }

    @Test(arguments: [("resnet8", "fc"), ("vit", "head"), ("wrn16-4", "fc")])
    func `a new head comes from the seed, and all else from the file`(model: String, head: String) throws {
        let folder = try TemporaryFolder()
        let source = try state(model, classes: 100).modelTensors(statisticsUpdates: 1)
        let graph = try modelCatalog.entry(model).graph(inputShape: [3, 32, 32], classes: 10)
        #expect(graph.headNames == ["\(head).weight", "\(head).bias"])
        let (fresh, statistics) = (
            FlatVector(count: graph.parameterLayout.vectorCount), FlatVector(count: graph.statisticsLayout.vectorCount)
        )
        graph.initialize(weights: fresh, statistics: statistics, seed: 3)
        for tensors in [source, source.filter { !graph.headNames.contains($0.name) }] {
            let target = try state(model)
            target.weights.fill(0)
            try target.readModel(write(tensors, to: folder), model: model, head: .seed(3))
            let whole = try state(model)
            for entry in graph.parameterLayout.entries where !graph.headNames.contains(entry.name) {
                let kept = whole.weights.slice(entry.range).array
                #expect(target.weights.slice(entry.range).array == kept, "\(entry.name)")
            }
            for name in graph.headNames {
                let entry = try #require(graph.parameterLayout[name])
                #expect(target.weights.slice(entry.range).array == fresh.slice(entry.range).array)
            }
        }
        let file = try write(source, to: folder)
        #expect(message { try state(model).readModel(file, model: model, head: .fileOrReset) }.contains("--reset-head"))
        #expect(!message { try state(model).readModel(file, model: model) }.contains("--reset-head"))
    }

    @Test func `a vision transformer's weights for images of another size fit, those of another channel count say so`()
        throws
    {
        let folder = try TemporaryFolder()
        let file = try write(try state("vit").modelTensors(statisticsUpdates: 1), to: folder)
        let larger = try state("vit", shape: [3, 64, 64])
        try larger.readModel(file, model: "vit")
        let grey = try state("vit", shape: [1, 64, 64])
        #expect(message { try grey.readModel(file, model: "vit") }.contains("of 3 x 32 x 32, the data set's have 1 x"))
    }

    @Test func `transposed tensors, a missing head and others beside the model's have their own remedy`() throws {
        let folder = try TemporaryFolder()
        let target = try state("resnet8")
        let tensors = target.modelTensors(statisticsUpdates: 1)
        func remedy(_ tensors: [NamedTensor]) -> String {
            message { try target.readModel(write(tensors, to: folder), model: "resnet8") }
        }
        let transposed = tensors.map {
            $0.name == "fc.weight" ? NamedTensor($0.name, shape: [64, 10], .float32(FlatVector(count: 640))) : $0
        }
        #expect(remedy(transposed).contains("they are transposed"))
        #expect(remedy(tensors.filter { !$0.name.hasPrefix("fc.") }).contains("save all of the model's tensors"))
        let optimizer = NamedTensor("optimizer.step", shape: [], .int64([1]))
        #expect(remedy(tensors + [optimizer]).hasSuffix("extra optimizer.step; save the model's own tensors only"))
    }

    @Test func `values that are not numbers in Float32 are refused, with their tensor`() throws {
        let folder = try TemporaryFolder()
        let target = try state("resnet8")
        for value in [Double.nan, 1e300, -.infinity] {
            let tensors = target.modelTensors(statisticsUpdates: 1).map { tensor in
                guard tensor.name == "fc.bias" else { return tensor }
                return NamedTensor("fc.bias", shape: [10], .float64([Double](repeating: 0, count: 9) + [value]))
            }
            #expect(
                message { try target.readModel(write(tensors, to: folder), model: "resnet8") }
                    .contains("tensor fc.bias holds values that are not finite"))
        }
    }
}
