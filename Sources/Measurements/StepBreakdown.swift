import Compute
import Files

/// What the steps of a benchmark spent their time on, on one rank: means a step.
package struct StepBreakdown: Sendable, Equatable {
    /// A phase of the step, or a kind of operation.
    package struct Part: Sendable, Equatable {
        package var name = ""
        package var seconds = 0.0
        /// Of convolutions and matrix products; two a multiply-add.
        package var operations = 0.0
        package var bytes = 0.0
        package var calls = 0.0

        var gflops: Double { seconds > 0 ? operations / seconds / 1e9 : 0 }
        var gigabytesPerSecond: Double { seconds > 0 ? bytes / (seconds + hiddenSeconds) / 1e9 : 0 }
        /// Beside `seconds`, of what moved `bytes`.
        fileprivate var hiddenSeconds = 0.0

        fileprivate mutating func add(_ other: Part, scaledBy factor: Double) {
            seconds += factor * other.seconds
            operations += factor * other.operations
            bytes += factor * other.bytes
            calls += factor * other.calls
        }
    }

    /// In the order of a step; their times sum to the step's. A reduction's rate is by its time under way, hidden or
    /// not.
    package private(set) var phases: [Part]
    /// For which a reduction was under way behind the backward pass.
    package private(set) var hiddenReductionSeconds: Double
    /// The longest first. Operations lie within the forward and backward phases.
    package private(set) var kinds: [Part]
    package let stepSeconds: Double

    /// - Parameters:
    ///   - stepSeconds: the time of a step as the loop sees it, the wait for data included.
    package init(_ profile: Profile, steps: Int, stepSeconds: Double) {
        self.stepSeconds = stepSeconds
        var phases: [Profile.Phase: Part] = [:]
        var kinds: [String: Part] = [:]
        var hidden = 0.0
        let share = 1 / Double(max(steps, 1))
        for span in profile.spans {
            if case .overlap = span.content { continue }
            var part = Part(
                name: "", seconds: span.exclusiveSeconds, operations: span.operations, bytes: span.bytes, calls: 1)
            // A phase has the time of its operations, but not of the phases within.
            if let phase = profile.phase(of: span) { phases[phase, default: Part()].add(part, scaledBy: share) }
            if !profile.isCallOfOverlap(span) { hidden += span.overlappedSeconds * share }
            if case .operation(let kind) = span.content {
                part.name = kind
                kinds[kind, default: Part(name: kind)].add(part, scaledBy: share)
            }
        }
        hiddenReductionSeconds = hidden
        func part(_ phase: Profile.Phase, _ name: String) -> Part {
            var part = phases[phase] ?? Part()
            part.name = name
            return part
        }
        var reduction = part(.reduction, "reduction, exposed")
        reduction.hiddenSeconds = hidden
        let named = [
            part(.data, "data"), part(.forward, "forward"), part(.backward, "backward, with combination"),
            part(.gradients, "perturbation"), reduction, part(.update, "update"),
        ]
        let rest = max(0, stepSeconds - named.reduce(0) { $0 + $1.seconds })
        self.phases = named + [Part(name: "other", seconds: rest)]
        self.kinds = kinds.values.sorted { ($0.seconds, $1.name) > ($1.seconds, $0.name) }
    }

    /// Two tables for people.
    ///
    /// - Parameter peak: floating-point operations a second that count as 100 %; nil for no such column.
    package func text(peak: Double?) -> String {
        var rows = [["phase", "ms/step", "share", "GF/s", "GB/s"]]
        rows += phases.map { [$0.name, milliseconds($0), share($0)] + rates($0) }
        if hiddenReductionSeconds > 0 {
            let hidden = Part(name: "(reduction, hidden)", seconds: hiddenReductionSeconds)
            rows.append([hidden.name, milliseconds(hidden), share(hidden), "", ""])
        }
        var operations = [
            ["operation", "ms/step", "share", "calls", "GF/s", "GB/s"] + (peak == nil ? [] : ["of peak"])
        ]
        operations += kinds.map { part in
            [part.name, milliseconds(part), share(part), NumberText.fixed(part.calls, 0)] + rates(part)
                + (peak.map { [part.operations > 0 ? NumberText.percent(part.gflops * 1e9 / $0) : ""] } ?? [])
        }
        return TextTable(rows, numbers: 1...).text + "\n\n" + TextTable(operations, numbers: 1...).text
    }

    private func milliseconds(_ part: Part) -> String { NumberText.fixed(part.seconds * 1000, 2) }
    private func share(_ part: Part) -> String { NumberText.percent(shareOfStep(part)) }
    private func shareOfStep(_ part: Part) -> Double { stepSeconds > 0 ? part.seconds / stepSeconds : 0 }
    /// Empty where nobody counts.
    private func rates(_ part: Part) -> [String] {
        [(part.operations, part.gflops), (part.bytes, part.gigabytesPerSecond)].map { count, rate in
            count > 0 ? NumberText.fixed(rate, 1) : ""
        }
    }

    /// An object with `phases` and `operations`.
    var json: String {
        func object(_ part: Part, _ fields: [(String, Double)]) -> String {
            var text = "{\"name\":"
            text.appendJSON(part.name)
            let all =
                [("seconds", part.seconds), ("share", shareOfStep(part))] + fields
                + [("gflops", part.gflops), ("gigabytes_per_second", part.gigabytesPerSecond)]
            for (name, value) in all {
                text += ",\"\(name)\":"
                text.appendJSON(value)
            }
            return text + "}"
        }
        let phases = phases.map { object($0, []) }.joined(separator: ",")
        let kinds = kinds.map { object($0, [("calls", $0.calls)]) }.joined(separator: ",")
        var text = "{\"mean_step_seconds\":"
        text.appendJSON(stepSeconds)
        text += ",\"phases\":[\(phases)],\"reduction_hidden_seconds\":"
        text.appendJSON(hiddenReductionSeconds)
        return text + ",\"operations\":[\(kinds)]}"
    }
}

extension Profile {
    /// The innermost phase that the span is, or lies in.
    fileprivate func phase(of span: Span) -> Phase? {
        if case .phase(let phase) = span.content { return phase }
        return span.parent.flatMap { phase(of: spans[$0]) }
    }

    /// Whether the span is a call, between operations of the backward pass, of the reduction that is under way: it is
    /// not hidden, as the pass waits for it.
    fileprivate func isCallOfOverlap(_ span: Span) -> Bool {
        guard case .phase(.reduction) = span.content, let parent = span.parent else { return false }
        return phase(of: spans[parent]) == .backward
    }
}
