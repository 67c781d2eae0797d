import Catalogs

/// The hyperparameters of all optimizers besides rate and decay, of which each reads its own.
package struct UpdateHyperparameters: Sendable, Equatable {
    package var momentum: Double
    package var nesterov: Bool

    package init(momentum: Double = 0, nesterov: Bool = false) {
        self.momentum = momentum
        self.nesterov = nesterov
    }
}

/// One of them. The raw value is its setting's name.
package enum UpdateHyperparameter: String, Sendable { case momentum, nesterov }

/// A row of the catalog of optimizers. It stands in the optimizer's file.
package struct OptimizerEntry: CatalogEntry, Equatable {
    package let name: String
    /// What a run has where nothing is given.
    package let learningRate: Double
    package let weightDecay: Double
    /// What it reads besides rate and decay; other settings are refused with it.
    package let hyperparameters: [UpdateHyperparameter]
    /// Whether its rate follows each tensor's norm: it then gets a group for each.
    package let isLayerWise: Bool
    /// Vectors as long as the weights that it keeps.
    package let stateVectorCount: @Sendable (UpdateHyperparameters) -> Int
    /// - Parameters:
    ///   - count: length of the weights, padding included.
    ///   - groups: in order and without overlap; weights outside of all stay as they are.
    package let make:
        @Sendable (_ count: Int, _ groups: [ParameterGroup], UpdateHyperparameters) throws(OptimizerError)
            -> any Optimizer

    package init(
        _ name: String, learningRate: Double, weightDecay: Double, hyperparameters: [UpdateHyperparameter] = [],
        isLayerWise: Bool = false, stateVectorCount: @escaping @Sendable (UpdateHyperparameters) -> Int,
        make:
            @escaping @Sendable (_ count: Int, _ groups: [ParameterGroup], UpdateHyperparameters)
            throws(OptimizerError) -> any Optimizer
    ) {
        self.name = name
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.hyperparameters = hyperparameters
        self.isLayerWise = isLayerWise
        self.stateVectorCount = stateVectorCount
        self.make = make
    }

    package static func == (a: Self, b: Self) -> Bool { a.name == b.name }
}

/// The optimizers that `--optimizer` can name.
package let optimizerCatalog = Catalog<OptimizerEntry>("optimizer", [.sgd, .adamw, .lamb])
