import Collectives

/// A check that did not hold.
package struct CheckFailed: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

package func check(_ holds: Bool, _ what: @autoclosure () -> String, line: Int = #line) throws {
    if !holds { throw CheckFailed("check failed: \(what()) (line \(line))") }
}

package func checkEqual<Value: Equatable>(
    _ result: Value, _ expected: Value, _ what: String, line: Int = #line
) throws {
    try check(result == expected, "\(what) is \(result), not \(expected)", line: line)
}

/// Runs `body`, which must throw an MPIError, and returns that.
package func caughtError(_ what: String, line: Int = #line, _ body: () throws(MPIError) -> Void) throws -> MPIError {
    do throws(MPIError) { try body() } catch { return error }
    throw CheckFailed("check failed: \(what) did not throw (line \(line))")
}

/// What every rank runs; a throw on any of them ends the job.
package struct RankCase: Sendable {
    let name: String
    /// Skipped, not passed, on fewer ranks.
    let leastRanks: Int
    let run: @Sendable (Communicator) throws -> Void

    package init(name: String, leastRanks: Int = 1, run: @escaping @Sendable (Communicator) throws -> Void) {
        self.name = name
        self.leastRanks = leastRanks
        self.run = run
    }
}

extension Array {
    /// The out-of-place forms take buffers: a fresh copy as the send buffer.
    package func sending<Result>(_ body: (UnsafeBufferPointer<Element>) throws(MPIError) -> Result) throws(MPIError)
        -> Result
    {
        try withUnsafeBufferPointer { buffer throws(MPIError) in try body(buffer) }
    }

    package mutating func receiving<Result>(
        _ body: (UnsafeMutableBufferPointer<Element>) throws(MPIError) -> Result
    ) throws(MPIError) -> Result {
        try withUnsafeMutableBufferPointer { buffer throws(MPIError) in try body(buffer) }
    }
}
