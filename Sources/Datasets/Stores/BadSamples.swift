import Synchronization

/// What becomes of a sample that cannot be read or decoded.
package enum BadSamplePolicy: String, Sendable, CaseIterable {
    /// It ends the run.
    case error
    /// The next sample of its class takes its place, until too many are bad.
    case skip
}

/// The samples of a data set that were found bad by this process, replaced or not.
///
/// A bad sample's place is taken by the one that follows it among the samples of its class, the first after the last:
/// the same on every rank and in every run, and with the right label. Above one in a thousand, and ten, the run ends.
final class BadSamples: Sendable {
    private let policy: BadSamplePolicy
    private let most: Int
    private let known = Mutex<Set<Int>>([])
    /// Takes a line for people.
    private let note: @Sendable (String) -> Void

    init(_ policy: BadSamplePolicy, count: Int, note: @escaping @Sendable (String) -> Void) {
        (self.policy, self.note) = (policy, note)
        most = max(10, count / 1000)
    }

    /// The sample to take in place of a bad one; throws `error` where none may be.
    func replacement(of sample: Int, in index: SampleIndex, _ error: DatasetError) throws(DatasetError) -> Int {
        guard policy == .skip else { throw error }
        let (isNew, count) = known.withLock { ($0.insert(sample).inserted, $0.count) }
        guard count <= most else {
            throw .stated("\(error); it is the \(count)th bad image of this rank, more than --bad-samples skip allows")
        }
        if isNew { note("\(error); the next of its class takes its place") }
        var next = sample
        repeat { next = (next + 1) % index.count } while index.label(of: next) != index.label(of: sample)
        guard next != sample else { throw error }
        return next
    }
}
