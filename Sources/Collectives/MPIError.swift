import CMPI

/// What MPI said when a call failed, or what kept a call from being made.
package struct MPIError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The raw error code that the call returned.
    package let code: Int32
    /// MPI's class of that code, such as `MPI_ERR_ROOT`.
    package let errorClass: Int32
    /// The MPI function, such as `MPI_Allreduce`.
    package let call: String
    /// MPI's own text, or the reason why the call was not made.
    package let text: String
    /// The rank in the whole job on which it happened, where it is known.
    package let rank: Int?

    package var description: String { "\(call): \(text) (MPI error code \(code), class \(errorClass))" }

    init(code: Int32, call: StaticString) {
        self.init(code: code, call: call, text: Self.text(of: code))
    }

    /// For a call that was not made: its arguments would have been wrong.
    init(code: Int32, call: StaticString, text: String) {
        self.code = code
        self.call = call.description
        self.text = text
        // MPI_Error_class may be called only between initialization and finalization; predefined codes are their class.
        errorClass = MPIEnvironment.isLive ? cmpi_error_class(code) : code
        rank = MPIEnvironment.jobRank
    }

    private static func text(of code: Int32) -> String {
        guard MPIEnvironment.isLive else { return "failed" }
        var characters = [CChar](repeating: 0, count: Int(cmpi_max_error_string()) + 1)
        var length: Int32 = 0
        guard cmpi_error_string(code, &characters, &length) == cmpi_success() else { return "failed" }
        return String(decoding: characters.prefix(Int(length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// The gateway of every MPI call: throws unless `code` says success.
func checkMPI(_ code: Int32, _ call: StaticString) throws(MPIError) {
    if code != cmpi_success() { throw MPIError(code: code, call: call) }
}

/// `value` as one of MPI's counts, ranks, colours or offsets, which are C's `int`.
func mpiInteger(_ value: Int, _ call: StaticString) throws(MPIError) -> Int32 {
    guard let integer = Int32(exactly: value) else {
        throw MPIError(code: cmpi_error_count(), call: call, text: "\(value) does not fit in 32 bits")
    }
    return integer
}
