import Catalogs
import Optimizers
import Testing
import Vectors

/// Weights of four tensors, a gradient, and the optimizer's row.
private func layout() -> TensorLayout {
    var layout = TensorLayout()
    layout.append("a.weight", shape: [3, 5])
    layout.append("a.bias", shape: [3])
    layout.append("b.bias", shape: [7])
    layout.append("b.weight", shape: [40])
    return layout
}

private func vector(_ layout: TensorLayout, index: Int) -> FlatVector {
    var stream = RandomStream(seed: 11, purpose: .test, index: index)
    let vector = FlatVector(count: layout.vectorCount)
    for entry in layout.entries { for place in entry.range { vector[place] = stream.normal() } }
    return vector
}

@Suite struct ParameterGroupTests {
    @Test func `neighbours with the same options are one group`() {
        let layout = layout()
        let groups = ParameterGroup.groups(layout) { ($1.name.hasSuffix("bias") ? 0 : 0.1, 1) }
        #expect(groups.map(\.weightDecay) == [0.1, 0, 0.1])
        #expect(groups[1].range == layout.entries[1].range.lowerBound..<layout.entries[2].range.upperBound)
        #expect(ParameterGroup.groups(layout) { _, _ in (0.1, 1) }.count == 1)
    }

    @Test(arguments: optimizerCatalog.entries.filter { !$0.isLayerWise }.map(\.name))
    func `a group's decay and rate are those of an optimizer with them for all`(name: String) throws {
        let entry = try optimizerCatalog.entry(name)
        let layout = layout()
        let hyperparameters = UpdateHyperparameters(momentum: 0.9)
        let groups = ParameterGroup.groups(layout) { $1.name.hasSuffix("bias") ? (0, 0.5) : (0.1, 1) }
        func trained(_ groups: [ParameterGroup]) throws -> FlatVector {
            let weights = vector(layout, index: 0)
            let optimizer = try entry.make(layout.vectorCount, groups, hyperparameters)
            for step in 1...3 { optimizer.update(weights, gradient: vector(layout, index: step), learningRate: 0.25) }
            return weights
        }
        let mixed = try trained(groups)
        let decayed = try trained([ParameterGroup(0..<layout.vectorCount, weightDecay: 0.1)])
        let halved = try trained([ParameterGroup(0..<layout.vectorCount, weightDecay: 0, rateScale: 0.5)])
        for tensor in layout.entries {
            let expected = tensor.name.hasSuffix("bias") ? halved : decayed
            for place in tensor.range { #expect(mixed[place] == expected[place], "\(tensor.name)") }
        }
        #expect(mixed.array != decayed.array && mixed.array != halved.array)
        let count = try entry.make(layout.vectorCount, groups, hyperparameters).state.count
        #expect(count == entry.stateVectorCount(hyperparameters))
    }
}
