import Compute
import Testing

@Suite struct ProfileTests {
    @Test func `a span's own time is without the spans within, and the times of a tree sum to its root's`() {
        let profile = Profile()
        let start = Profile.now
        profile.begin(.phase(.backward), "backward", at: start)
        profile.begin(.operation(kind: "addition"), "sum", at: start + 1)
        profile.begin(.phase(.reduction), "reduction", at: start + 2)
        profile.beginOverlap(at: start + 2.5)
        profile.end(at: start + 4)
        profile.end(at: start + 7)
        profile.begin(.operation(kind: "addition"), "other", at: start + 7)
        profile.end(at: start + 8)
        profile.end(at: start + 10)
        profile.endOverlap(at: start + 11)
        // After what was hidden.
        profile.begin(.phase(.update), "update", at: start + 11)
        profile.end(at: start + 12)

        let spans = profile.spans
        #expect(spans.map(\.label) == ["backward", "sum", "reduction", "other", "reduction", "update"])
        #expect(spans.map(\.parent) == [nil, 0, 1, 0, nil, nil])
        func near(_ values: [Double], _ expected: [Double]) -> Bool {
            zip(values, expected).allSatisfy { abs($0 - $1) < 1e-6 } && values.count == expected.count
        }
        #expect(near(spans.map(\.seconds), [10, 6, 2, 1, 8.5, 1]))
        #expect(near(spans.map(\.exclusiveSeconds), [3, 4, 2, 1, 0, 1]))
        #expect(near(spans.map(\.overlappedSeconds), [2, 3, 1.5, 1, 0, 0]))
    }

    @Test func `a span that an error leaves is ended, and without a profile nothing is measured`() {
        struct Failure: Error {}
        let profile: Profile? = Profile()
        #expect(throws: Failure.self) {
            try profile.measure(.gradients) { try profile.measure(.forward) { throw Failure() } }
        }
        profile.measure(.update) {}
        #expect(profile?.spans.map(\.parent) == [nil, 0, nil])
        let absent: Profile? = nil
        #expect(absent.measure(.update) { 3 } == 3)
    }
}
