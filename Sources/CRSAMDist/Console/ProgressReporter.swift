import Files
import Glibc
import Training

/// Shows rank 0's user how a run goes: a bar that redraws itself on a terminal, plain lines otherwise.
package final class ProgressReporter: TrainingObserver {
    /// Where text goes and what kind of place it is; a test's keeps it.
    package struct Output {
        package var isTerminal: Bool
        /// Columns of the terminal at this moment.
        package var width: () -> Int
        package var write: (String) -> Void
        /// Called with whether the cursor stands behind a bar.
        package var barStands: (Bool) -> Void = { _ in }

        package init(isTerminal: Bool, width: @escaping () -> Int, write: @escaping (String) -> Void) {
            self.isTerminal = isTerminal
            self.width = width
            self.write = write
        }

        package static var standardOutput: Output {
            let screen = Terminal.screen()
            var output = Output(
                isTerminal: screen != nil, width: { screen.flatMap(Terminal.columns) ?? 80 },
                write: Console.writeProgress)
            output.barStands = BarLine.stands
            return output
        }
    }

    private let output: Output
    private var totalSteps = 0
    private var totalEpochs = 0
    private var firstStep = 0
    private let now: () -> ContinuousClock.Instant
    private var start: ContinuousClock.Instant
    private var lastDrawn: ContinuousClock.Instant?
    private var barLength = 0

    /// - Parameter now: a test's own clock.
    package init(output: Output = .standardOutput, now: @escaping () -> ContinuousClock.Instant = { .now }) {
        self.output = output
        self.now = now
        start = now()
    }

    /// Starts the clock.
    ///
    /// - Parameter firstStep: steps done before this process started; the time left is judged by those done since.
    package func begin(firstStep: Int, totalSteps: Int, totalEpochs: Int) {
        (self.firstStep, self.totalSteps, self.totalEpochs) = (firstStep, totalSteps, totalEpochs)
        start = now()
    }

    package func runBegins(_ run: RunDescription) {
        begin(firstStep: run.firstStep, totalSteps: run.totalSteps, totalEpochs: run.totalEpochs)
        let configuration = run.configuration
        say(
            "\(configuration.model) (\(run.parameterCount) parameters) on \(configuration.dataset.name) "
                + "(\(run.trainingImages) + \(run.testImages) images), \(configuration.gradientMethodText)")
        func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
        let (ranks, threads) = (count(run.ranks, "rank"), count(configuration.threads, "thread"))
        let length = "\(count(run.totalSteps, "step")) in \(count(run.totalEpochs, "epoch"))"
        let batch = "batch \(configuration.batchSize), M \(configuration.effectiveMSharpness)"
        say("\(ranks) x \(threads), \(batch), \(length)")
        if let text = configuration.learningRateText { say(text) }
        if let folder = run.folder {
            say("output \(folder)" + (run.firstStep > 0 ? ", resuming after step \(run.firstStep)" : ""))
        }
        if run.lacksCheckpoint { say("no checkpoint there: starting from the beginning") }
    }

    package func runEnds(_ summary: TrainingSummary) {
        var line =
            "done: \(summary.steps) step\(summary.steps == 1 ? "" : "s") in \(NumberText.duration(summary.seconds))"
        if let accuracy = summary.lastEpoch?.testAccuracy { line += ", test accuracy \(NumberText.percent(accuracy))" }
        line += Self.text(of: summary.lastEpoch?.further ?? [])
        if let best = summary.best {
            let ema = FurtherEvaluation.averageName
            let isOfAverage = summary.lastEpoch?.further.contains { $0.name == ema } == true
            line += ", best \(isOfAverage ? ema + " " : "")\(NumberText.percent(best.accuracy)) in epoch \(best.epoch)"
        }
        say(line + (summary.folder.map { "; \($0)" } ?? ""))
    }

    package func runNotes(_ line: String) { say(line) }

    /// A line that stays, above the bar.
    package func say(_ line: String) {
        clearBar()
        output.write(line + "\n")
    }

    package func stepEnds(_ metrics: StepMetrics) {
        let instant = now()
        // A bar may redraw ten times a second; lines come every ten seconds, and after the first step for a sign of
        // life.
        let interval: Duration = output.isTerminal ? .milliseconds(100) : .seconds(10)
        if let lastDrawn, instant - lastDrawn < interval { return }
        lastDrawn = instant
        let parts =
            [timeLeft(after: metrics.step, at: instant), "epoch \(metrics.epoch)/\(totalEpochs)"]
            + metrics.progressTexts
        if output.isTerminal {
            draw(parts, step: metrics.step)
        } else {
            output.write("step \(metrics.step)/\(totalSteps)  \(parts.joined(separator: ", "))\n")
        }
    }

    package func epochEnds(_ metrics: EpochMetrics) {
        var line =
            "epoch \(metrics.epoch)/\(totalEpochs)  train loss \(NumberText.fixed(metrics.trainLoss, 4)), accuracy "
            + "\(NumberText.percent(metrics.trainAccuracy))"
        if let loss = metrics.testLoss, let accuracy = metrics.testAccuracy {
            line += "  test loss \(NumberText.fixed(loss, 4)), accuracy \(NumberText.percent(accuracy))"
        }
        line += Self.text(of: metrics.further)
        say(line + "  \(NumberText.duration(metrics.seconds))")
    }

    /// `, ema 91.20 %` for each.
    private static func text(of evaluations: [FurtherEvaluation]) -> String {
        evaluations.map { ", \($0.name) \(NumberText.percent($0.accuracy))" }.joined()
    }

    /// The bar, the share done, and as many parts as the terminal has room for.
    private func draw(_ parts: [String], step: Int) {
        let width = max(output.width() - 1, 1)
        let share = totalSteps > 0 ? min(max(Double(step) / Double(totalSteps), 0), 1) : 1
        let barWidth = width >= 60 ? 16 : 0
        let filled = Int(share * Double(barWidth))
        var line = String(repeating: "█", count: filled) + String(repeating: "░", count: barWidth - filled)
        line += "\(barWidth > 0 ? " " : "")\(Int(share * 100)) %"
        for part in parts where line.count + 2 + part.count <= width { line += "  " + part }
        line = String(line.prefix(width))
        // A terminal made narrower meanwhile has no room for all the spaces that cover the old bar.
        let padding = String(repeating: " ", count: max(0, min(barLength, width) - line.count))
        // Set before the write: a signal may come right after it.
        output.barStands(true)
        output.write("\r" + line + padding)
        barLength = line.count
    }

    private func clearBar() {
        let width = max(output.width() - 1, 1)
        if barLength > 0 { output.write("\r" + String(repeating: " ", count: min(barLength, width)) + "\r") }
        barLength = 0
        output.barStands(false)
    }

    private func timeLeft(after step: Int, at instant: ContinuousClock.Instant) -> String {
        let done = step - firstStep
        guard done > 0, step < totalSteps else { return step >= totalSteps ? "done" : "time left unknown" }
        return NumberText.duration((instant - start).seconds / Double(done) * Double(totalSteps - step)) + " left"
    }
}
