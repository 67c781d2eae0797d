import Catalogs

/// A row of the catalog of methods. It stands in the file of its rule.
package struct GradientRuleEntry: CatalogEntry, Equatable {
    package let name: String
    package let type: any GradientRule.Type
    /// What the rule reads of a ``Method``.
    package let hyperparameters: [Hyperparameter]
    /// The method that computes the same at the least cost.
    package let reduced: @Sendable (Method) -> Method
    /// A reduced method in a line for people.
    package let text: @Sendable (Method) -> String

    package init(
        _ name: String, _ type: any GradientRule.Type, hyperparameters: [Hyperparameter] = [],
        reduced: @escaping @Sendable (Method) -> Method = { $0 }, text: @escaping @Sendable (Method) -> String
    ) {
        self.name = name
        self.type = type
        self.hyperparameters = hyperparameters
        self.reduced = reduced
        self.text = text
    }

    package static func == (a: GradientRuleEntry, b: GradientRuleEntry) -> Bool { a.name == b.name }
}

/// The gradient rules that `--method` can name.
package let methodCatalog = Catalog<GradientRuleEntry>("method", [.plain, .sam, .crsam])
