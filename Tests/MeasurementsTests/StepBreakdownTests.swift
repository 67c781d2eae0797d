import Compute
import Files
import Foundation
import Measurements
import Testing

/// Two steps of 10 ms: 1 ms wait for data, 7 ms gradients (of which 2 forward, 4 backward), 1 ms reduction and 7.55 MB.
/// Of the backward pass 0.5 ms is communication, as is 0.25 ms of the rule's own millisecond.
private func profile() -> Profile {
    let profile = Profile()
    let origin = Profile.now
    for step in 0..<2 {
        let start = origin + Double(step) * 0.010
        func begin(_ phase: Profile.Phase, _ from: Double) {
            profile.begin(.phase(phase), phase.rawValue, at: start + from)
        }
        func end(_ to: Double, operations: Double = 0, bytes: Double = 0) {
            profile.end(at: start + to, operations: operations, bytes: bytes)
        }
        func reduction(_ from: Double, _ to: Double, bytes: Double = 0) {
            begin(.reduction, from)
            end(to, bytes: bytes)
        }
        begin(.data, 0)
        end(0.001)
        begin(.gradients, 0.001)
        begin(.forward, 0.001)
        profile.begin(.operation(kind: "matrix product"), "head \"forward\"", at: start + 0.001)
        end(0.003, operations: 4e6, bytes: 2e6)
        end(0.003)
        begin(.backward, 0.003)
        profile.begin(.operation(kind: "addition"), "sum", at: start + 0.003)
        reduction(0.0050, 0.0052)
        // From the second of the calls on, which is itself not hidden.
        profile.beginOverlap(at: start + 0.006)
        reduction(0.0060, 0.0063)
        end(0.007, bytes: 4e6)
        end(0.007)
        reduction(0.00750, 0.00775)
        end(0.008, bytes: 3e6)
        profile.endOverlap(at: start + 0.008)
        reduction(0.008, 0.009, bytes: 7.55e6)
    }
    // The loop asks once more: there is no more data.
    profile.begin(.phase(.data), "data", at: origin + 0.02)
    profile.end(at: origin + 0.02)
    return profile
}

private func near(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-6 * max(abs(a), abs(b), 1e-3) }

@Suite struct StepBreakdownTests {
    @Test func `the phases of a step sum to it`() {
        let breakdown = StepBreakdown(profile(), steps: 2, stepSeconds: 0.010)
        let expected = [
            ("data", 0.001), ("forward", 0.002), ("backward, with combination", 0.0035), ("perturbation", 0.00075),
            ("reduction, exposed", 0.00175), ("update", 0), ("other", 0.001),
        ]
        #expect(breakdown.phases.map(\.name) == expected.map(\.0))
        for (part, (name, seconds)) in zip(breakdown.phases, expected) {
            #expect(near(part.seconds, seconds), "\(name): \(part.seconds)")
        }
        #expect(near(breakdown.hiddenReductionSeconds, 0.0017))
    }

    @Test func `a phase reports the rates of what lies within it, a reduction by its time hidden too`() {
        let text = StepBreakdown(profile(), steps: 2, stepSeconds: 0.010).text(peak: nil)
        let rates = { (phase: String) in
            text.split(separator: "\n").first { $0.hasPrefix(phase) }?.split(separator: "%").last?
                .split(separator: " ").map(String.init)
        }
        #expect(rates("forward") == ["2.0", "1.0"])
        #expect(rates("backward, with combination") == ["1.1"])
        #expect(rates("perturbation") == ["4.0"])
        #expect(rates("reduction, exposed") == ["2.2"])
    }

    @Test func `operations are summed by kind, the longest first`() throws {
        let kinds = StepBreakdown(profile(), steps: 2, stepSeconds: 0.010).kinds
        #expect(kinds.map(\.name) == ["addition", "matrix product"])
        let product = try #require(kinds.last)
        #expect(near(product.seconds, 0.002) && product.calls == 1 && product.operations == 4e6)
    }

    @Test func `the table reports rates, and shares of a peak where one is given`() {
        let breakdown = StepBreakdown(profile(), steps: 2, stepSeconds: 0.010)
        let row = { (text: String) in
            text.split(separator: "\n").first { $0.hasPrefix("matrix product") }?
                .split(separator: " ", omittingEmptySubsequences: true).map(String.init)
        }
        #expect(
            row(breakdown.text(peak: nil)) == ["matrix", "product", "2.00", "20.00", "%", "1", "2.0", "1.0"])
        #expect(
            row(breakdown.text(peak: 8e9))
                == ["matrix", "product", "2.00", "20.00", "%", "1", "2.0", "1.0", "25.00", "%"])
    }

    @Test func `a trace is JSON with a process for each rank and only the last steps`() throws {
        let text = StepTrace.document(
            (0..<3).map { StepTrace.events(profile(), lastSteps: 1, rank: $0, offset: 0.5 * Double($0)) })
        let document = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let events = try #require(document["traceEvents"] as? [[String: Any]])
        for rank in 0..<3 {
            let spans = events.filter { $0["pid"] as? Int == rank && $0["ph"] as? String == "X" }
            // Nine phases, two operations and the last wait.
            #expect(spans.count == 12)
            // The second of the profile's steps, from its rank's offset on the common time.
            let start = try #require(spans.first?["ts"] as? Double)
            #expect(abs(start - (500_000 * Double(rank) + 10_000)) < 1_000)
            let product = try #require(spans.first { $0["cat"] as? String == "matrix product" })
            #expect(product["name"] as? String == "head \"forward\"")
            #expect(product["tid"] as? Int == 1)
            #expect(near(try #require(product["dur"] as? Double), 2000))
            #expect(near(try #require((product["args"] as? [String: Any])?["GF/s"] as? Double), 2))
        }
    }

    @Test func `columns of numbers stand to the right`() {
        let table = TextTable([["name", "n", "note"], ["a", "100", ""], ["bcdef", "7", "x"]], numbers: 1...1)
        #expect(table.text == "name     n  note\na      100\nbcdef    7  x")
    }
}
