import Glibc
import Synchronization

/// The policy for errors: an error on any rank ends the whole job at once, with a non-zero status and one message that
/// names the rank.
package enum JobFailure {
    private static let isEnding = Atomic<Bool>(false)
    private static let endStatus = Atomic<Int32>(1)

    /// Prints `crsam-dist: error: rank R: message` on standard error in one write, then ends every rank of the job.
    ///
    /// Works before MPI is initialized and without `mpirun`. May be called by any rank and any thread.
    /// All ranks often fail of one cause, such as a missing file. Ranks other than 0 therefore wait for 0.7 to 1.4
    /// seconds before they print: by then rank 0, or a lower rank, has printed and the job's end has ended them.
    /// Before MPI is initialized they wait for 1.5 to 2 seconds, as `mpirun` takes about one to end a job of which a
    /// process merely exited.
    /// - Parameters:
    ///   - message: what happened, where, what to do. Line breaks become spaces, other control characters (a file's
    ///     text may hold some, and a terminal obeys them) question marks.
    ///   - rank: this process's rank in the job; MPI or the launcher is asked when it is `nil`.
    ///   - status: the job's exit status; 0 becomes 1.
    package static func end(_ message: String, rank: Int? = nil, status: Int32 = 1) -> Never {
        // A second thread that fails meanwhile has nothing to add: it waits for the end.
        while isEnding.exchange(true, ordering: .relaxed) { sleep(1) }
        let rank = rank ?? MPIEnvironment.jobRank
        if let rank, rank > 0 {
            let (shortest, longest) = MPIEnvironment.isLive ? (650, 1400) : (1500, 2000)
            usleep(UInt32(1000 * min(shortest + 50 * min(rank, 20), longest)))
        }
        let place = rank.map { "rank \($0): " } ?? ""
        let oneLine = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        let shown = String(
            String.UnicodeScalarView(oneLine.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? "?" : $0 }))
        let status = status == 0 ? 1 : status
        endStatus.store(status, ordering: .relaxed)
        // Standard error may be a pipe that nobody empties, and MPI may wait: what hangs ends all the same, with the
        // status.
        signal(SIGALRM) { _ in _exit(JobFailure.endStatus.load(ordering: .relaxed)) }
        alarm(10)
        let line = "crsam-dist: error: \(place)\(shown)\n"
        _ = Array(line.utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        MPIEnvironment.abort(status: status)
    }

    /// Runs `body`; an error that it throws ends the job with the text that `describe` makes of it.
    ///
    /// To be put around everything that runs while an ``MPIEnvironment`` lives, as an error that unwinds past it would
    /// wait for the other ranks.
    package static func endingJob<Result>(
        describedBy describe: (any Error) -> String = { "\($0)" }, _ body: () throws -> Result
    ) -> Result {
        do { return try body() } catch { end(describe(error)) }
    }
}
