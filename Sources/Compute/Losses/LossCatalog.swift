import Catalogs

/// A row of the catalog of losses.
package struct LossEntry: CatalogEntry, Equatable {
    package let name: String
    package let aliases: [String]
    /// What the help says of it besides its name.
    package let note: String?
    package let loss: any Loss

    package init(_ name: String, aliases: [String] = [], note: String? = nil, _ loss: any Loss) {
        self.name = name
        self.aliases = aliases
        self.note = note
        self.loss = loss
    }

    package static func == (a: Self, b: Self) -> Bool { a.name == b.name }

    package static let crossEntropy = LossEntry("cross-entropy", aliases: ["ce"], CrossEntropy())
    package static let binaryCrossEntropy = LossEntry(
        "binary-cross-entropy", aliases: ["bce"], note: "a yes or no for each class", BinaryCrossEntropy())
    package static let multiLabelCrossEntropy = LossEntry(
        "multi-label-cross-entropy", note: "the same, yes for each class of a mix",
        BinaryCrossEntropy(isMultiLabel: true))
}

/// The losses that `--loss` can name.
package let lossCatalog = Catalog<LossEntry>("loss", [.crossEntropy, .binaryCrossEntropy, .multiLabelCrossEntropy])
