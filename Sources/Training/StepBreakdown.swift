import Compute

/// What the steps of a benchmark spent their time on, on one rank: means a step.
public struct StepBreakdown: Sendable, Equatable {
    /// A phase of the step, or a kind of operation.
    public struct Part: Sendable, Equatable {
        public var name: String
        public var seconds: Double
        /// Of convolutions and matrix products; two a multiply-add.
        public var operations = 0.0
        public var bytes = 0.0
        public var calls = 0.0

        var gflops: Double { seconds > 0 ? operations / seconds / 1e9 : 0 }
        var gigabytesPerSecond: Double { seconds > 0 ? bytes / seconds / 1e9 : 0 }
    }

    /// In the order of a step; their times sum to the step's.
    public private(set) var phases: [Part]
    /// For which a reduction was under way behind the backward pass.
    public private(set) var hiddenReductionSeconds: Double
    /// The longest first. Operations lie within the forward and backward phases.
    public private(set) var kinds: [Part]
    public let stepSeconds: Double

    /// - Parameters:
    ///   - stepSeconds: the time of a step as the loop sees it, the wait for data included.
    public init(_ profile: Profile, steps: Int, stepSeconds: Double) {
        self.stepSeconds = stepSeconds
        var phases: [Profile.Phase: Double] = [:]
        var kinds: [String: Part] = [:]
        let share = 1 / Double(max(steps, 1))
        for span in profile.spans {
            switch span.content {
            case .phase(let phase): phases[phase, default: 0] += span.seconds * share
            case .operation(let kind):
                var part = kinds[kind] ?? Part(name: kind, seconds: 0)
                part.seconds += span.seconds * share
                part.operations += span.operations * share
                part.bytes += span.bytes * share
                part.calls += share
                kinds[kind] = part
            }
        }
        func seconds(_ phase: Profile.Phase) -> Double { phases[phase] ?? 0 }
        let passes = seconds(.forward) + seconds(.backward)
        let named = [
            ("data", seconds(.data)), ("forward", seconds(.forward)), ("backward", seconds(.backward)),
            ("perturbation and combination", max(0, seconds(.gradients) - passes)),
            ("reduction, exposed", seconds(.reduction)), ("update", seconds(.update)),
        ]
        hiddenReductionSeconds = seconds(.overlap)
        let rest = max(0, stepSeconds - named.reduce(0) { $0 + $1.1 })
        self.phases = (named + [("other", rest)]).map { Part(name: $0.0, seconds: $0.1) }
        self.kinds = kinds.values.sorted { ($0.seconds, $1.name) > ($1.seconds, $0.name) }
    }

    /// Two tables for people.
    ///
    /// - Parameter peak: floating-point operations a second that count as 100 %; nil for no such column.
    public func text(peak: Double?) -> String {
        var rows = [["phase", "ms/step", "share"]]
        rows += phases.map { [$0.name, milliseconds($0), share($0)] }
        if hiddenReductionSeconds > 0 {
            let hidden = Part(name: "(reduction, hidden)", seconds: hiddenReductionSeconds)
            rows.append([hidden.name, milliseconds(hidden), share(hidden)])
        }
        var operations = [
            ["operation", "ms/step", "share", "calls", "GF/s", "GB/s"] + (peak == nil ? [] : ["of peak"])
        ]
        operations += kinds.map { part in
            let isCounted = part.operations > 0
            return [
                part.name, milliseconds(part), share(part), ProgressReporter.fixed(part.calls, 0),
                isCounted ? ProgressReporter.fixed(part.gflops, 1) : "",
                ProgressReporter.fixed(part.gigabytesPerSecond, 1),
            ] + (peak.map { [isCounted ? ProgressReporter.percent(part.gflops * 1e9 / $0) : ""] } ?? [])
        }
        return TextTable(rows, numbers: 1...).text + "\n\n" + TextTable(operations, numbers: 1...).text
    }

    private func milliseconds(_ part: Part) -> String { ProgressReporter.fixed(part.seconds * 1000, 2) }
    private func share(_ part: Part) -> String {
        ProgressReporter.percent(stepSeconds > 0 ? part.seconds / stepSeconds : 0)
    }

    /// An object with `phases` and `operations`.
    var json: String {
        func object(_ part: Part, _ fields: [(String, Double)]) -> String {
            var text = "{\"name\":"
            text.appendJSON(part.name)
            for (name, value) in [("seconds", part.seconds)] + fields {
                text += ",\"\(name)\":"
                text.appendJSON(value)
            }
            return text + "}"
        }
        let phases = phases.map { object($0, []) }.joined(separator: ",")
        let kinds = kinds.map {
            object(
                $0,
                [("calls", $0.calls), ("gflops", $0.gflops), ("gigabytes_per_second", $0.gigabytesPerSecond)])
        }.joined(separator: ",")
        var text = "{\"phases\":[\(phases)],\"reduction_hidden_seconds\":"
        text.appendJSON(hiddenReductionSeconds)
        return text + ",\"operations\":[\(kinds)]}"
    }
}
