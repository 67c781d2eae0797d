import Catalogs
import Files
import Optimizers
import Vectors

/// A figure of every step: a row of the table from which `metrics.jsonl` and the progress line follow.
///
/// A new metric is one row of ``stepMetricCatalog``, or one ``Catalogs/Catalog/add(_:)`` before the run.
package struct StepMetric: CatalogEntry {
    /// How the ranks' figures become one. A value is nil where the method does not measure it.
    package enum Combination: Sendable {
        /// The same on every rank: from what the reduction has summed and what all replicas hold.
        case replicated(@Sendable (StepOutcome) -> Double?)
        /// Added up over the ranks in the fused all-reduce, exactly. A mean over the batch is the sum of the ranks'
        /// means, each times ``StepShare/weight``. Cost: 32 bytes of the reduction.
        case sum(@Sendable (StepShare) -> Double)
        /// Rank 0's own, such as a time.
        case rankZero(@Sendable (StepOutcome) -> Double?)
    }

    package enum Unit: Sendable { case none, share, count, seconds, perSecond }

    /// How the progress line shows the metric.
    package struct Progress: Sendable {
        /// Where in the line; what comes last is dropped first on a narrow terminal.
        let place: Int
        /// The figure with its name, as in `loss 0.5123`.
        let text: @Sendable (Double) -> String

        package init(place: Int, text: @escaping @Sendable (Double) -> String) {
            self.place = place
            self.text = text
        }
    }

    /// The key in `metrics.jsonl`.
    package let name: String
    package let unit: Unit
    package let combination: Combination
    /// Nil for a metric that the progress line does not show.
    package let progress: Progress?

    package init(_ name: String, _ unit: Unit = .none, _ combination: Combination, progress: Progress? = nil) {
        self.name = name
        self.unit = unit
        self.combination = combination
        self.progress = progress
    }
}

/// What a rank knows of its part of a step before the reduction. To be read only.
package struct StepShare {
    package let terms: StepTerms
    /// Samples of this rank over those of the batch; over all ranks they sum to 1.
    package let weight: Double
    package let state: ModelState
}

/// What is known of a step after its update. To be read only.
package struct StepOutcome {
    /// This rank's; says what the method measured.
    package let terms: StepTerms
    /// Sums over all ranks.
    package let scalars: StepScalars
    /// Nil where the method does not evaluate both sides.
    package let differences: LossDifferences?
    package let progress: RunProgress
    package let learningRate: Double
    /// ‖G‖ of the reduced gradient, before clipping.
    package let combinedGradientNorm: Double
    /// Of this rank, the wait for data included.
    package let seconds: Double
    /// Of these, the wait for the batch.
    package let dataSeconds: Double
    /// After the update.
    package let state: ModelState
    /// The reduced gradient, as the optimizer got it.
    package let gradient: FlatVector
}

/// The metrics of a step, in the order in which they are written. Means are over the global batch.
package let stepMetricCatalog = Catalog<StepMetric>(
    "metric",
    [
        // L⁰, before the update.
        StepMetric(
            "loss", .none, .replicated { $0.scalars.loss },
            progress: .init(place: 1) { "loss \(NumberText.fixed($0, 4))" }),
        StepMetric(
            "accuracy", .share, .replicated { $0.scalars.correct / $0.scalars.sampleCount },
            progress: .init(place: 2) { "acc \(NumberText.percent($0))" }),
        StepMetric("learning_rate", .none, .replicated { $0.learningRate }),
        // ‖g0‖, averaged over the groups that share an ascent direction.
        StepMetric(
            "gradient_norm", .none, .replicated { $0.scalars.gradientNorm },
            progress: .init(place: 4) { "‖g0‖ \(NumberText.short($0))" }),
        StepMetric("combined_gradient_norm", .none, .replicated { $0.combinedGradientNorm }),
        // L⁺ and L⁻.
        StepMetric(
            "ascent_loss", .none, .replicated { $0.terms.ascentLoss == nil ? nil : $0.scalars.ascentLoss }),
        StepMetric(
            "descent_loss", .none, .replicated { $0.terms.descentLoss == nil ? nil : $0.scalars.descentLoss }),
        // (L⁺ + L⁻ − 2L⁰)/ρ², the curvature along the ascent direction.
        StepMetric(
            "curvature", .none, .replicated { $0.differences?.curvature },
            progress: .init(place: 5) { "curvature \(NumberText.short($0))" }),
        // (L⁺ − L⁻)/(2ρ).
        StepMetric("slope", .none, .replicated { $0.differences?.slope }),
        // Over all ranks.
        StepMetric(
            "samples_per_second", .perSecond, .rankZero { $0.scalars.sampleCount / $0.seconds },
            progress: .init(place: 3) { "\(NumberText.short($0)) samples/s" }),
        StepMetric("step_seconds", .seconds, .rankZero { $0.seconds }),
        // Of these, the wait for the batch: where it is more than a trace, --data-threads or a faster disk help.
        StepMetric("data_seconds", .seconds, .rankZero { $0.dataSeconds }),
        // Log form: steps so far whose trace or norm term was skipped.
        StepMetric("skipped_trace_terms", .count, .replicated { Double($0.progress.skippedTraceTerms) }),
        StepMetric("skipped_norm_terms", .count, .replicated { Double($0.progress.skippedNormTerms) }),
    ])
