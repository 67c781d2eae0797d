import Compute
import Files
import Models

/// The catalog as a table for people.
package struct ModelTable {
    package let text: String

    /// - Parameters:
    ///   - channels: nil for each model's published image.
    ///   - classes: nil for each model's published number.
    package init(channels: Int?, classes: Int?) throws {
        var rows = [["model", "parameters", "multiply-adds", "memory/sample", "image", "description"]]
        for entry in modelCatalog.entries {
            var shape = entry.defaultInputShape
            if let channels { shape[0] = channels }
            let graph = try entry.graph(inputShape: shape, classes: classes ?? entry.defaultClassCount)
            rows.append([
                entry.name, "\(graph.parameterLayout.scalarCount)",
                NumberText.fixed(Double(graph.multiplyAdds) / 1e6, 1) + " M",
                NumberText.fixed(Double(try Network(graph).trainingBytesPerSample()) / 1e6, 2) + " MB",
                shape.map(String.init).joined(separator: "x"), entry.summary,
            ])
        }
        text = TextTable(rows, numbers: 1...3).text
    }
}
