import Collectives

/// What a run starts from: a checkpoint of its own, given weights, or weights drawn from the seed.
extension TrainingParts {
    /// Gives all replicas the same weights, and what a checkpoint keeps besides. Every rank must call it.
    ///
    /// - Returns: how far the run has come; the same on all ranks.
    func start() throws -> RunProgress {
        var progress = RunProgress()
        if try world.broadcast(Int64(read(&progress) ? 1 : 0)) == 1 {
            try state.broadcast(world)
            var values = progress.values
            try values.withUnsafeMutableBufferPointer { try world.broadcast($0) }
            progress.values = values
            local.restore(statisticsUpdates: progress.statisticsUpdates)
            // Rank 0's vectors are everybody's by now; an optimizer also counts its updates.
            try state.optimizer.restore(stepCount: progress.step, state: state.optimizer.state)
        } else {
            try state.initialize(seed: configuration.seed, world)
        }
        return progress
    }

    /// Rank 0 reads a checkpoint or given weights; false where there are none, and on the other ranks.
    private func read(_ progress: inout RunProgress) throws -> Bool {
        if let checkpoint = records?.checkpoint {
            try checkpoint.require(model: configuration.model)
            try checkpoint.checkingOwnFiles {
                try state.readModel(checkpoint.model, model: configuration.model)
                if let optimizer = checkpoint.optimizer {
                    progress = try RunProgress(optimizer)
                    try state.readOptimizer(optimizer, stepCount: progress.step, others: RunProgress.tensorNames)
                }
            }
            return true
        }
        guard world.rank == 0, let path = configuration.initWeights else { return false }
        let weights: Checkpoint
        do { weights = try Checkpoint(weights: path) } catch CheckpointError.notFound(_, let found) {
            throw CheckpointError.notFound(path: "--init-weights \(path)", found: found)
        }
        try state.readModel(weights.model, model: configuration.model)
        if records != nil, let text = weights.description.normalizationWarning(for: configuration) {
            log.warning("\(text)")
        }
        return true
    }
}
