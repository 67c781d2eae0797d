import Compute
import Models
import Testing

/// Whatever instruction set oneDNN may use: `Tests/Checks/processors` runs this under each of its caps.
@Suite struct CatalogKernelsTests {
    @Test(arguments: modelCatalog.names, [1, 3])
    func `no model needs a reference kernel that costs`(name: String, channels: Int) throws {
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
                for (batch, training) in [(64, true), (8, true), (1, true), (64, false), (1, false)] {
                    let slow = try network.forecast(batch: batch, training: training).slowKernels
                    #expect(
                        slow == nil,
                        """
                        \(side) pixels, \(precision), batch \(batch), training \(training): \
                        \(String(describing: slow))
                        """
                    )
                }
            }
        }
    }
}
