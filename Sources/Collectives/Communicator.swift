import CMPI

/// A group of ranks that call collectives together.
///
/// Every rank of the communicator must make the same calls in the same order with the same element type and count.
/// The counts within a call (send against receive) are always compared; the ranks' counts are not, as that would be a
/// second collective: call ``checkEqualCount(_:)`` once where a buffer is made. Results of an all-reduce are
/// bitwise identical on all ranks. An empty buffer sends nothing.
///
/// More than 2³¹ − 1 elements go in blocks, each a collective of its own.
package final class Communicator {
    package let rank: Int
    package let size: Int

    /// MPI collectives that moved data or synchronized, since this object was made.
    package internal(set) var collectives = 0
    /// Bytes that this rank put into all-reduces, since this object was made.
    package internal(set) var reducedBytes = 0

    /// The most elements in one MPI call. A test sets it small; it must be the same on all ranks.
    package var blockLength = Int(Int32.max)

    let handle: OpaquePointer?
    private let isFreed: Bool
    private let library: MPILibrary

    convenience init(world library: MPILibrary) throws(MPIError) {
        try self.init(handle: cmpi_world(), isFreed: false, library: library)
    }

    private init(handle: OpaquePointer?, isFreed: Bool, library: MPILibrary) throws(MPIError) {
        self.handle = handle
        self.isFreed = isFreed
        self.library = library
        try checkMPI(cmpi_return_errors(handle), "MPI_Comm_set_errhandler")
        var rank: Int32 = 0
        var size: Int32 = 0
        try checkMPI(cmpi_rank(handle, &rank), "MPI_Comm_rank")
        try checkMPI(cmpi_size(handle, &size), "MPI_Comm_size")
        self.rank = Int(rank)
        self.size = Int(size)
    }

    deinit {
        // Collective by the standard, though Open MPI does not wait here. No caller is left to handle an error.
        var freed = handle
        if isFreed { _ = cmpi_free(&freed) }
    }

    /// The ranks that gave the same `color` (0 or more), ordered by `key`, ties by this rank. Every rank must call it.
    package func split(color: Int, key: Int) throws(MPIError) -> Communicator {
        let call: StaticString = "MPI_Comm_split"
        guard color >= 0 else {
            throw MPIError(code: cmpi_error_argument(), call: call, text: "color \(color) is negative")
        }
        var made: OpaquePointer?
        try checkMPI(cmpi_split(handle, try mpiInteger(color, call), try mpiInteger(key, call), &made), call)
        return try Communicator(handle: made, isFreed: true, library: library)
    }

    /// The ranks that share this one's memory, ordered as here. Every rank must call it.
    package func splitByHost() throws(MPIError) -> Communicator {
        var made: OpaquePointer?
        let call: StaticString = "MPI_Comm_split_type"
        try checkMPI(cmpi_split_shared_memory(handle, try mpiInteger(rank, call), &made), call)
        return try Communicator(handle: made, isFreed: true, library: library)
    }

    /// Calls `body` with the bounds of each block of a buffer.
    func forEachBlock(
        of count: Int, _ call: StaticString, _ body: (_ offset: Int, _ length: Int32) throws(MPIError) -> Void
    ) throws(MPIError) {
        var offset = 0
        while offset < count {
            let length = min(blockLength, count - offset)
            try body(offset, try mpiInteger(length, call))
            offset += length
        }
    }

    func checkEqual(_ sent: Int, _ received: Int, _ call: StaticString) throws(MPIError) {
        guard sent == received else {
            throw MPIError(
                code: cmpi_error_count(), call: call,
                text: "\(sent) elements sent, but room for \(received) received")
        }
    }
}
