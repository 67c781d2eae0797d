import Compute
import Files
import Foundation
import Models
import TensorFiles
import TestSupport
import Testing
import Training
import Vectors

@Suite struct WeightsExportTests {
    /// The weights of a small published network from a seed, under names with a prefix.
    private func save(_ path: String, model: String = "vit", prefix: String = "") throws -> [NamedTensor] {
        let entry = try modelCatalog.entry(model)
        let graph = try entry.graph(inputShape: entry.defaultInputShape, classes: entry.defaultClassCount)
        let state = ModelState(graph)
        graph.initialize(weights: state.weights, statistics: state.statistics, seed: 5, part: 0, of: 1)
        let tensors = state.modelTensors(statisticsUpdates: 3).map {
            NamedTensor(prefix + $0.name, shape: $0.shape, $0.values)
        }
        try FileSystem.replace(path) { sink throws(FileError) in try SafeTensors.write(tensors, to: sink) }
        return tensors
    }

    @Test(arguments: ["", "module.", "_orig_mod."]) func `names, shapes and values are the published ones`(
        prefix: String
    ) throws {
        let folder = try TemporaryFolder()
        let tensors = try save("\(folder.path)/in.safetensors", model: "resnet20", prefix: prefix)
        let line = try WeightsExport("\(folder.path)/in.safetensors", precision: .float32)
            .write(to: "\(folder.path)/out.safetensors")
        #expect(line.contains("resnet20") && line.contains("269722 parameters"))
        let file = try SafeTensorsFile("\(folder.path)/out.safetensors")
        #expect(file.entries.map(\.name) == tensors.map { String($0.name.dropFirst(prefix.count)) })
        #expect(file.metadata.contains(.init("format", "pt")))
        for tensor in tensors {
            let read = try #require(file[String(tensor.name.dropFirst(prefix.count))])
            #expect(read.shape == tensor.shape && read.dtype == tensor.element.rawValue)
            guard case .stored(let entry, let vector) = tensor.values else { continue }
            let values = FlatVector(count: read.count)
            try file.read(read, into: values)
            #expect(values.array == entry.values(in: vector).array, "\(tensor.name)")
        }
    }

    @Test(arguments: [WeightsExport.Precision.bfloat16, .float16])
    func `sixteen bits are the nearest ones, and counters stay whole numbers`(precision: WeightsExport.Precision) throws
    {
        let folder = try TemporaryFolder()
        let tensors = try save("\(folder.path)/in.safetensors", model: "resnet20")
        _ = try WeightsExport("\(folder.path)/in.safetensors", precision: precision)
            .write(to: "\(folder.path)/out.safetensors")
        let file = try SafeTensorsFile("\(folder.path)/out.safetensors")
        #expect(file["bn1.num_batches_tracked"]?.dtype == "I64")
        #expect(file["conv1.weight"]?.dtype == (precision == .float16 ? "F16" : "BF16"))
        for tensor in tensors {
            guard case .stored(let entry, let vector) = tensor.values, let read = file[tensor.name] else { continue }
            let values = FlatVector(count: read.count)
            try file.read(read, into: values)
            let bound: Float = precision == .float16 ? 0x1p-11 : 0x1p-8
            for (rounded, exact) in zip(values.array, entry.values(in: vector).array) {
                #expect(abs(rounded - exact) <= bound * abs(exact) + 1e-7)
            }
        }
    }

    @Test(arguments: [
        (Float.nan, WeightsExport.Precision.float32, "conv1.weight"), (1e6, .float16, "beyond float16's"),
    ])
    func `values that are no numbers, or none of the precision, are refused by their tensor`(
        value: Float, precision: WeightsExport.Precision, text: String
    ) throws {
        let folder = try TemporaryFolder()
        let tensors = try save("\(folder.path)/sound.safetensors", model: "resnet20").map { tensor -> NamedTensor in
            guard tensor.name == "conv1.weight", case .stored(let entry, let vector) = tensor.values else {
                return tensor
            }
            let values = FlatVector(entry.values(in: vector).array)
            values[3] = value
            return NamedTensor(tensor.name, shape: tensor.shape, .float32(values))
        }
        let path = "\(folder.path)/in.safetensors"
        try FileSystem.replace(path) { sink throws(FileError) in try SafeTensors.write(tensors, to: sink) }
        let refusal = message {
            _ = try WeightsExport(path, precision: precision).write(to: "\(folder.path)/out.safetensors")
        }
        #expect(refusal.contains("conv1.weight") && refusal.contains(text))
        #expect(try FileKind(of: "\(folder.path)/out.safetensors") == nil)
    }

    @Test func `weights in several parts are one model, by their index or their folder`() throws {
        let folder = try TemporaryFolder()
        let tensors = try save("\(folder.path)/whole", model: "resnet20")
        var map: [String] = []
        for (number, part) in [tensors[..<20], tensors[20...]].enumerated() {
            let name = "model-0000\(number).safetensors"
            map += part.map { "\"\($0.name)\": \"\(name)\"" }
            try FileSystem.replace("\(folder.path)/\(name)") { sink throws(FileError) in
                try SafeTensors.write(Array(part), to: sink)
            }
        }
        let index = "\(folder.path)/model.safetensors.index.json"
        func write(_ map: [String]) throws {
            try FileSystem.replace(
                index, with: "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {\(map.joined(separator: ", "))}}")
        }
        try write(map)
        for path in [index, folder.path] {
            let export = try WeightsExport(path, precision: .float32)
            #expect(try export.write(to: "\(folder.path)/out").contains("resnet20, 269722 parameters"))
        }
        let hostile = [
            ["\"conv1.weight\": \"../whole\""], ["\"conv1.weight\": \"none.safetensors\""],
            ["\"no.such\": \"model-00000.safetensors\""], [], ["\"conv1.weight\": 3"],
        ]
        for map in hostile {
            try write(map)
            #expect(throws: (any Error).self, "\(map)") { _ = try WeightsExport(index, precision: .float32) }
        }
    }

    @Test func `a folder of several models asks for one`() throws {
        let folder = try TemporaryFolder()
        for name in ["a", "b"] { _ = try save("\(folder.path)/\(name).safetensors", model: "resnet20") }
        let text = message { _ = try WeightsExport(folder.path, precision: .float32) }
        #expect(text.contains("2 files of weights: name one of a.safetensors, b.safetensors"))
    }

    /// What timm's `resample_abs_pos_embed` gives of a table of sin(0.7·i).
    @Test(
        arguments: [
            (
                4, (6, 6), [0, 0.6442177, 1.0535232, 0.9372148, -0.992772, -0.6907685, -0.4467047, -0.9702224],
                34.0742344
            ),
            (
                7, (4, 3), [0, 0.6442177, 0.1051385, 0.0542515, -0.0151205, -0.0113285, -0.0980153, -0.0391185],
                0.4843522
            ),
            (
                14, (24, 24), [0, 0.6442177, 1.0440573, 1.0025704, -0.8321967, -0.1156005, -1.0189179, -1.0306115],
                532.247777
            ),
        ] as [(Int, (Int, Int), [Float], Double)])
    func `positions are interpolated as timm does`(side: Int, to: (Int, Int), chosen: [Float], squares: Double) {
        let table = (0..<(1 + side * side) * 2).map { Float(sin(0.7 * Double($0))) }
        let result = PositionInterpolation.resized(table, from: (side, side), to: to, width: 2, first: 1)
        let count = result.count
        #expect(count == (1 + to.0 * to.1) * 2)
        for (place, value) in zip([0, 1, 2, 3, 9, count / 2, count - 2, count - 1], chosen) {
            #expect(abs(result[place] - value) < 1e-5, "\(place): \(result[place]), \(value)")
        }
        #expect(abs(result.reduce(0) { $0 + Double($1) * Double($1) } - squares) < 1e-4 * squares)
    }

    @Test func `a model for larger images takes the weights of smaller ones`() throws {
        let folder = try TemporaryFolder()
        _ = try save("\(folder.path)/in.safetensors")
        let entry = try modelCatalog.entry("vit")
        let shape = [entry.defaultInputShape[0], 48, 48]
        let graph = try entry.graph(inputShape: shape, classes: entry.defaultClassCount)
        let state = ModelState(graph)
        try state.readModel(SafeTensorsFile("\(folder.path)/in.safetensors"), model: "vit")
        let own = try #require(graph.parameterLayout["pos_embed"])
        #expect(state.weights.slice(own.range).norm > 0)
    }
}
