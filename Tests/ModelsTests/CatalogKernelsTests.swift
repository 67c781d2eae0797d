import Compute
import Models
import Testing

/// Whatever instruction set oneDNN may use: `Tests/Checks/processors` runs this under each of its caps.
@Suite struct CatalogKernelsTests {
    @Test(arguments: modelCatalog.names, [1, 3])
    func `no model needs a reference kernel, or a simple one that costs`(name: String, channels: Int) throws {
        ComputeThreads.set(1)
        var shape = try modelCatalog.entry(name).defaultInputShape
        shape[0] = channels
        var sides = [shape[1]]
        // Fashion-MNIST's, where the model takes it.
        if shape[1] == 32 { sides.append(28) }
        for side in sides {
            let graph = try modelCatalog.entry(name).graph(inputShape: [channels, side, side], classes: 10)
            for precision in Precision.allCases where precision.support != .none {
                let network = try Network(graph, precision: precision)
                var programs: [(Int, ProgramKind)] = [
                    (64, .training), (8, .training), (1, .training), (64, .inference), (1, .inference),
                ]
                if precision == .float32 { programs += [(64, .probing), (1, .probing)] }
                for (batch, kind) in programs {
                    let plan = try network.plan(batch: batch, kind)
                    let place = "\(side) pixels, \(precision), batch \(batch), \(kind)"
                    for instruction in plan where instruction.work.isReference {
                        Issue.record("\(place): \(instruction.label) is \(instruction.implementation ?? "")")
                    }
                    let share = simpleShare(plan)
                    // With SSE4.1 the maximum of one channel's 7x7 stem takes two per cent of a small network's pass.
                    #expect(share < (Network.hasAVX2 ? 0.01 : 0.025), "\(place)")
                }
            }
        }
    }

    /// What kernels that oneDNN calls simple take of a pass at most, if they move 3 GB/s and others 10 GB/s or 50 GF/s:
    /// as measured with SSE4.1 of the pooling of single channels.
    private func simpleShare(_ plan: [PlannedInstruction]) -> Double {
        func isSimple(_ instruction: PlannedInstruction) -> Bool {
            instruction.kind != "reorder" && instruction.implementation?.contains("simple") ?? false
        }
        let seconds = plan.map {
            isSimple($0) ? $0.bytes / 3e9 : 2e-11 * $0.operations + 1e-10 * $0.bytes
        }
        let simple = zip(plan, seconds).reduce(0) { $0 + (isSimple($1.0) ? $1.1 : 0) }
        return simple / seconds.reduce(0, +)
    }
}
