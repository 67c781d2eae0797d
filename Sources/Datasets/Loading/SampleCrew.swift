import Glibc
import Synchronization

/// The threads that write a batch's samples: the one that asks, and helpers that wait for it.
///
/// What a sample becomes does not depend on which thread writes it.
// Sound to share: a batch is written under the semaphores, which order memory; everything else is atomic or constant.
final class SampleCrew: @unchecked Sendable {
    private let source: any SampleSource
    private let own = SampleWorkspace()
    private let shared: Shared
    private var helpers: [pthread_t] = []

    /// JPEG and PNG libraries and our transforms call nothing deep.
    private static let stackBytes = 1 << 20

    /// What helpers hold, who must not keep the crew alive.
    fileprivate final class Shared: @unchecked Sendable {
        let source: any SampleSource
        let work = Semaphore(0)
        let done = Semaphore(0)
        let next = Atomic(0)
        let isStopping = Atomic(false)
        let failure = Mutex<(place: Int, error: any Error)?>(nil)
        var batch: Batch?

        init(_ source: any SampleSource) { self.source = source }

        /// Writes samples until none is left. Of several that fail the first in the batch is reported, as one thread
        /// would.
        func takePart(using workspace: SampleWorkspace) {
            guard let batch else { return }
            while true {
                let place = next.add(1, ordering: .relaxed).oldValue
                guard place < batch.count else { return }
                do { try batch.write(place, from: source, using: workspace) } catch {
                    failure.withLock { if place < $0?.place ?? .max { $0 = (place, error) } }
                }
            }
        }
    }

    init(_ source: any SampleSource, threads: Int) throws(DatasetError) {
        self.source = source
        shared = Shared(source)
        for _ in 1..<max(threads, 1) {
            let context = Unmanaged.passRetained(shared)
            var thread = pthread_t()
            var attributes = pthread_attr_t()
            pthread_attr_init(&attributes)
            pthread_attr_setstacksize(&attributes, Self.stackBytes)
            let status = pthread_create(&thread, &attributes, runHelper, context.toOpaque())
            pthread_attr_destroy(&attributes)
            guard status == 0 else {
                context.release()
                end()
                throw .noPrefetchThread(reason: String(cString: strerror(status)))
            }
            helpers.append(thread)
        }
    }

    deinit { end() }

    private func end() {
        shared.isStopping.store(true, ordering: .relaxed)
        for _ in helpers { shared.work.signal() }
        for helper in helpers { pthread_join(helper, nil) }
        helpers = []
    }

    /// Writes all samples of the batch.
    func write(_ batch: Batch) throws {
        shared.batch = batch
        shared.next.store(0, ordering: .relaxed)
        for _ in helpers { shared.work.signal() }
        shared.takePart(using: own)
        for _ in helpers { shared.done.wait() }
        shared.batch = nil
        if let failure = shared.failure.withLock({ $0 }) { throw failure.error }
    }
}

private func runHelper(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    // Only SampleCrew.init starts this, with the reference that is taken over here.
    guard let context else { return nil }
    let shared = Unmanaged<SampleCrew.Shared>.fromOpaque(context).takeRetainedValue()
    let workspace = SampleWorkspace()
    while true {
        shared.work.wait()
        if shared.isStopping.load(ordering: .relaxed) { return nil }
        shared.takePart(using: workspace)
        shared.done.signal()
    }
}
