import Collectives

/// What a run starts from: a checkpoint of its own, given weights, or weights drawn from the seed.
extension TrainingParts {
    /// Gives all replicas the same weights, and what a checkpoint keeps besides. Every rank must call it.
    func start(_ run: CheckpointContents) throws {
        if try world.broadcast(Int64(read(run) ? 1 : 0)) == 1 {
            try run.broadcast(world)
            local.restore(statisticsUpdates: run.progress.statisticsUpdates)
        } else {
            try state.initialize(seed: configuration.seed, world)
        }
    }

    /// Rank 0 reads a checkpoint or given weights; false where there are none, and on the other ranks.
    private func read(_ run: CheckpointContents) throws -> Bool {
        if let checkpoint = records?.checkpoint {
            try checkpoint.require(model: configuration.model)
            try checkpoint.checkingOwnFiles {
                try state.readModel(checkpoint.model, model: configuration.model)
                if let parts = checkpoint.optimizer { try run.restoreParts(from: parts) }
                if let average = run.average, let file = checkpoint.average {
                    try average.restore(from: file, model: configuration.model)
                }
            }
            return true
        }
        guard world.rank == 0, let path = configuration.initWeights else { return false }
        let weights: Checkpoint
        do { weights = try Checkpoint(weights: path) } catch CheckpointError.notFound(_, let found) {
            throw CheckpointError.notFound(path: "--init-weights \(path)", found: found)
        }
        try state.readModel(
            weights.model, model: configuration.model,
            head: configuration.resetsHead ? .seed(configuration.seed) : .fileOrReset)
        if records != nil, let text = weights.description.normalizationWarning(for: configuration) {
            log.warning("\(text)")
        }
        return true
    }
}
