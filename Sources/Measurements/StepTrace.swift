import Collectives
import Compute
import Files

/// The spans of all ranks in Chrome's trace format: chrome://tracing and Perfetto draw them, a process for each rank, a
/// track for the phases of the step, one for the operations and one for what of a reduction they hide.
///
/// Source: "Trace Event Format", Google, complete events (`ph` X) and metadata (`ph` M), times in microseconds.
package enum StepTrace {
    /// The whole text on every rank. Every rank must call it.
    ///
    /// Ranks are on one time: exactly within a host, as well as the hosts' clocks agree between hosts.
    static func gather(_ profile: Profile, _ world: Communicator, lastSteps: Int) throws -> String {
        let offset = profile.originSince1970 - (try world.allReduce(profile.originSince1970, .min))
        return document(
            try world.allGather(events(profile, lastSteps: lastSteps, rank: world.rank, offset: offset)))
    }

    /// - Parameter events: each rank's.
    package static func document(_ events: [String]) -> String {
        "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n\(events.joined(separator: ",\n"))\n]}\n"
    }

    /// - Parameter offset: seconds by which the profile began later than the first of all ranks'.
    package static func events(_ profile: Profile, lastSteps: Int, rank: Int, offset: Double) -> String {
        var text = "{\"ph\":\"M\",\"pid\":\(rank),\"name\":\"process_name\",\"args\":{\"name\":\"rank \(rank)\"}}"
        for (track, name) in [(0, "phases"), (1, "operations"), (2, "reduction behind the backward pass")] {
            text += ",\n{\"ph\":\"M\",\"pid\":\(rank),\"tid\":\(track),\"name\":\"thread_name\""
            text += ",\"args\":{\"name\":\"\(name)\"}}"
        }
        for span in profile.spans(ofLastSteps: lastSteps) {
            let (track, category) =
                switch span.content {
                case .overlap: (2, "phase")
                case .phase: (0, "phase")
                case .operation(let kind): (1, kind)
                }
            text += ",\n{\"ph\":\"X\",\"pid\":\(rank),\"tid\":\(track),\"cat\":"
            text.appendJSON(category)
            text += ",\"name\":"
            text.appendJSON(span.label)
            text += ",\"ts\":\(NumberText.fixed((offset + span.start) * 1e6, 3))"
            text += ",\"dur\":\(NumberText.fixed(span.seconds * 1e6, 3))"
            if span.operations > 0, span.seconds > 0 {
                text += ",\"args\":{\"GF/s\":\(NumberText.fixed(span.operations / span.seconds / 1e9, 1))}"
            }
            text += "}"
        }
        return text
    }
}

extension Profile {
    /// A step begins with its wait for data.
    fileprivate func spans(ofLastSteps count: Int) -> ArraySlice<Span> {
        let begins = spans.indices.filter {
            if case .phase(.data) = spans[$0].content { true } else { false }
        }
        // The last wait finds that there is no more data.
        return spans[(begins.dropLast().suffix(count).first ?? spans.startIndex)...]
    }
}
