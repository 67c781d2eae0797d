/// The catalog of gradient rules: what `--method` can name, in the order of the help.
package enum GradientRules {
    package static let entries: [GradientRuleEntry] = [.plain, .sam, .crsam]
}

/// A row of the catalog. It stands in the file of its rule.
package struct GradientRuleEntry: Sendable {
    /// As given to `--method`.
    package let name: MethodName
    package let rule: any GradientRule.Type
    /// What the rule reads of a ``Method``.
    package let hyperparameters: [Hyperparameter]
    /// The method that computes the same at the least cost.
    package let reduced: @Sendable (Method) -> Method
    /// A reduced method in a line for people.
    package let text: @Sendable (Method) -> String

    package init(
        _ name: MethodName, _ rule: any GradientRule.Type, hyperparameters: [Hyperparameter] = [],
        reduced: @escaping @Sendable (Method) -> Method = { $0 }, text: @escaping @Sendable (Method) -> String
    ) {
        self.name = name
        self.rule = rule
        self.hyperparameters = hyperparameters
        self.reduced = reduced
        self.text = text
    }
}
