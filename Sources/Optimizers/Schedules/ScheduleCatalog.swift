import Catalogs

/// A row of the catalog of learning rate schedules.
package struct ScheduleEntry: CatalogEntry, Equatable {
    package let name: String
    /// What the help says of it besides its name.
    package let note: String?
    package let decay: any LearningRateDecay
    /// The warm-up where none is given is the run over this; nil for none.
    package let warmupDivisor: Int?

    package init(_ name: String, _ decay: any LearningRateDecay, note: String? = nil, warmupDivisor: Int? = 5) {
        self.name = name
        self.note = note
        self.decay = decay
        self.warmupDivisor = warmupDivisor
    }

    package static func == (a: Self, b: Self) -> Bool { a.name == b.name }

    package static let constant = ScheduleEntry("constant", ConstantDecay(), warmupDivisor: nil)
    package static let cosine = ScheduleEntry("cosine", CosineDecay())
    package static let linear = ScheduleEntry("linear", LinearDecay())
    package static let step = ScheduleEntry(
        "step", StepDecay(),
        note: "a tenth at half and at three quarters")
}

/// The schedules that `--schedule` can name.
package let scheduleCatalog = Catalog<ScheduleEntry>("schedule", [.constant, .cosine, .linear, .step])
