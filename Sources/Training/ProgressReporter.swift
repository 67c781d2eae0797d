import Glibc

/// Shows rank 0's user how a run goes: a bar that redraws itself on a terminal, plain lines otherwise.
public final class ProgressReporter {
    /// Where text goes and what kind of place it is; a test's keeps it.
    public struct Output {
        public var isTerminal: Bool
        /// Columns of the terminal at this moment.
        public var width: () -> Int
        public var write: (String) -> Void
        /// Called with whether the cursor stands behind a bar.
        var barStands: (Bool) -> Void = { _ in }

        public init(isTerminal: Bool, width: @escaping () -> Int, write: @escaping (String) -> Void) {
            self.isTerminal = isTerminal
            self.width = width
            self.write = write
        }

        public static var standardOutput: Output {
            let screen = Terminal.screen()
            var output = Output(
                isTerminal: screen != nil, width: { screen.flatMap(Terminal.columns) ?? 80 },
                write: Console.writeProgress)
            output.barStands = BarLine.stands
            return output
        }
    }

    private let output: Output
    private let totalSteps: Int
    private let totalEpochs: Int
    private let firstStep: Int
    private let now: () -> ContinuousClock.Instant
    private let start: ContinuousClock.Instant
    private var lastDrawn: ContinuousClock.Instant?
    private var barLength = 0

    /// - Parameters:
    ///   - firstStep: steps done before this process started; the time left is judged by those done since.
    ///   - now: a test's own clock.
    public init(
        output: Output, firstStep: Int, totalSteps: Int, totalEpochs: Int,
        now: @escaping () -> ContinuousClock.Instant = { .now }
    ) {
        self.output = output
        self.firstStep = firstStep
        self.totalSteps = totalSteps
        self.totalEpochs = totalEpochs
        self.now = now
        start = now()
    }

    /// A line that stays, above the bar.
    public func say(_ line: String) {
        clearBar()
        output.write(line + "\n")
    }

    public func report(_ metrics: StepMetrics) {
        let instant = now()
        // A bar may redraw ten times a second; lines come every ten seconds, and after the first step for a sign of
        // life.
        let interval: Duration = output.isTerminal ? .milliseconds(100) : .seconds(10)
        if let lastDrawn, instant - lastDrawn < interval { return }
        lastDrawn = instant
        let parts = [timeLeft(after: metrics.step, at: instant)] + Self.parts(metrics, totalEpochs: totalEpochs)
        if output.isTerminal {
            draw(parts, step: metrics.step)
        } else {
            output.write("step \(metrics.step)/\(totalSteps)  \(parts.joined(separator: ", "))\n")
        }
    }

    public func report(_ metrics: EpochMetrics) {
        var line =
            "epoch \(metrics.epoch)/\(totalEpochs)  train loss \(Self.fixed(metrics.trainLoss, 4)), accuracy "
            + "\(Self.percent(metrics.trainAccuracy))"
        if let loss = metrics.testLoss, let accuracy = metrics.testAccuracy {
            line += "  test loss \(Self.fixed(loss, 4)), accuracy \(Self.percent(accuracy))"
        }
        say(line + "  \(Self.duration(metrics.seconds))")
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
        // A terminal made narrower meanwhile has no room for what covers all of the old bar.
        let padding = String(repeating: " ", count: max(0, min(barLength, width) - line.count))
        // Before it does: a signal may come right after the write.
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
        return Self.duration((instant - start).seconds / Double(done) * Double(totalSteps - step)) + " left"
    }

    /// The most wanted first.
    private static func parts(_ metrics: StepMetrics, totalEpochs: Int) -> [String] {
        var parts = [
            "epoch \(metrics.epoch)/\(totalEpochs)", "loss \(fixed(metrics.loss, 4))",
            "acc \(percent(metrics.accuracy))",
            "\(short(metrics.samplesPerSecond)) samples/s", "‖g0‖ \(short(metrics.gradientNorm))",
        ]
        if let curvature = metrics.curvature { parts.append("curvature \(short(curvature))") }
        return parts
    }

    // MARK: Numbers for people

    /// Seconds as `45 s`, `3 min 20 s`, `5 h 12 min` or `3 d 4 h`.
    public static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "unknown" }
        let total = Int(seconds.rounded())
        if total < 60 { return "\(total) s" }
        if total < 3600 { return "\(total / 60) min \(total % 60) s" }
        if total < 86_400 { return "\(total / 3600) h \(total % 3600 / 60) min" }
        return "\(total / 86_400) d \(total % 86_400 / 3600) h"
    }

    static func percent(_ share: Double) -> String { fixed(share * 100, 2) + " %" }

    /// With so many digits behind the point.
    package static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int((abs(value) * scale).rounded())
        if digits == 0 { return "\(value < 0 ? -scaled : scaled)" }
        let fraction = String(scaled % Int(scale))
        let padded = String(repeating: "0", count: digits - fraction.count) + fraction
        return (value < 0 && scaled > 0 ? "-" : "") + "\(scaled / Int(scale)).\(padded)"
    }

    /// With about three digits that count.
    package static func short(_ value: Double) -> String {
        switch abs(value) {
        case 100...: fixed(value, 0)
        case 10..<100: fixed(value, 1)
        case 0.01..<10: fixed(value, 3)
        case 0: "0"
        default: "\(Float(value))"
        }
    }
}

extension Duration {
    /// In seconds and parts of one.
    public var seconds: Double { Double(components.seconds) + 1e-18 * Double(components.attoseconds) }
}
