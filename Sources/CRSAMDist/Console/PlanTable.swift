import Compute
import Files
import Models
import Training

/// What a training pass does on this processor, an instruction a line, as a table for people.
package struct PlanTable {
    package let text: String

    /// - Parameters:
    ///   - configuration: whose model, batch size, precision and algorithms of convolutions are planned, for one rank
    ///     and thread.
    ///   - channels: nil for the model's published image.
    ///   - classes: nil for the model's published number.
    package init(_ configuration: RunConfiguration, channels: Int?, classes: Int?) throws {
        let entry = try modelCatalog.entry(configuration.model)
        var shape = entry.defaultInputShape
        if let channels { shape[0] = channels }
        ComputeThreads.set(1)
        let network = try Network(
            entry.graph(inputShape: shape, classes: classes ?? entry.defaultClassCount),
            policy: configuration.convolution, precision: configuration.precision)
        self.init(try network.plan(batch: configuration.batchSize, .training))
    }

    package init(_ plan: [PlannedInstruction]) {
        var rows = [["layer and direction", "kind", "kernel", "operands", "Mflop", "MB"]]
        rows += plan.map { instruction in
            [
                instruction.label, instruction.kind, instruction.implementation ?? "ours",
                instruction.layouts.joined(separator: " "),
                instruction.operations > 0 ? NumberText.fixed(instruction.operations / 1e6, 1) : "",
                NumberText.fixed(instruction.bytes / 1e6, 2),
            ]
        }
        text = TextTable(rows, numbers: 4...5).text + "\n\n" + Self.references(plan)
    }

    private static func references(_ plan: [PlannedInstruction]) -> String {
        guard let slow = SlowKernels(plan.map(\.work), leastShare: 0) else { return "reference kernels: none" }
        let others = slow.others > 0 ? " and \(slow.others) more" : ""
        return "reference kernels: \(slow.label) (\(slow.implementation))\(others), about "
            + "\(NumberText.percent(slow.share)) of the time"
    }
}
