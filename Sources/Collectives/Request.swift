import CMPI

/// A collective under way. MPI may read and write its buffers until ``wait()`` returns or ``test()`` says true.
///
/// Open MPI makes progress only inside MPI calls: call ``test()`` now and then between pieces of work.
///
/// The caller leaves the buffers alone and in place until completion; the `owner` given at the start is held until
/// then. A request that goes away unfinished, as happens when an error unwinds past it, does *not* wait: its peers may
/// never come, and this rank's message would never be seen. It leaks the MPI request and `owner`, so that a late
/// arrival writes into memory that is still there; end the job then.
package struct Request: ~Copyable {
    private let communicator: Communicator
    private let call: StaticString
    private var pending: OpaquePointer?
    /// The second and later blocks of a buffer of more than 2³¹ − 1 elements.
    private var furtherPending: [OpaquePointer?] = []
    private let owner: AnyObject?

    init(_ communicator: Communicator, _ call: StaticString, owner: AnyObject?) {
        self.communicator = communicator
        self.call = call
        self.owner = owner
    }

    deinit {
        if let owner, !isComplete { _ = Unmanaged.passRetained(owner) }
    }

    private var isComplete: Bool { pending == nil && furtherPending.allSatisfy { $0 == nil } }

    mutating func append(_ request: OpaquePointer?) {
        if pending == nil { pending = request } else { furtherPending.append(request) }
    }

    /// Whether the collective is complete; makes progress.
    package mutating func test() throws(MPIError) -> Bool {
        var done = try Self.test(&pending, call)
        for index in furtherPending.indices where try !Self.test(&furtherPending[index], call) { done = false }
        return done
    }

    /// Returns when the collective is complete.
    package consuming func wait() throws(MPIError) {
        try Self.wait(for: &pending, call)
        for index in furtherPending.indices { try Self.wait(for: &furtherPending[index], call) }
    }

    private static func test(_ request: inout OpaquePointer?, _ call: StaticString) throws(MPIError) -> Bool {
        guard request != nil else { return true }
        var completed: Int32 = 0
        try checkMPI(cmpi_test(&request, &completed), call)
        return completed != 0
    }

    private static func wait(for request: inout OpaquePointer?, _ call: StaticString) throws(MPIError) {
        if request != nil { try checkMPI(cmpi_wait(&request), call) }
    }
}

// Nonblocking collectives: every rank must start them in the same order, also relative to the blocking ones.
extension Communicator {
    /// Starts reducing `send` over all ranks into `receive`, which has the same length and does not overlap it.
    ///
    /// - Parameter owner: held until completion; pass the object that holds the two buffers' memory.
    package func startAllReduce<Element: MPIElement>(
        from send: UnsafeBufferPointer<Element>, into receive: UnsafeMutableBufferPointer<Element>,
        _ operation: ReduceOperation = .sum, owner: AnyObject? = nil
    ) throws(MPIError) -> Request {
        try checkEqual(send.count, receive.count, "MPI_Iallreduce")
        return try startAllReduce(from: send.baseAddress, into: receive, operation, owner: owner)
    }

    /// Starts reducing `buffer` over all ranks, in place.
    ///
    /// MPI keeps a copy of the buffer of its own until completion.
    /// - Parameter owner: held until completion; pass the object that holds the buffer's memory.
    package func startAllReduce<Element: MPIElement>(
        _ buffer: UnsafeMutableBufferPointer<Element>, _ operation: ReduceOperation = .sum, owner: AnyObject? = nil
    ) throws(MPIError) -> Request {
        try startAllReduce(from: nil, into: buffer, operation, owner: owner)
    }

    /// - Parameter send: nil for `receive` itself.
    private func startAllReduce<Element: MPIElement>(
        from send: UnsafePointer<Element>?, into receive: UnsafeMutableBufferPointer<Element>,
        _ operation: ReduceOperation, owner: AnyObject?
    ) throws(MPIError) -> Request {
        let call: StaticString = "MPI_Iallreduce"
        var request = Request(self, call, owner: owner)
        var offset = 0
        while offset < receive.count {
            let length = min(blockLength, receive.count - offset)
            var started: OpaquePointer?
            try checkMPI(
                cmpi_start_allreduce(
                    send.map { UnsafeRawPointer($0 + offset) } ?? UnsafeRawPointer(cmpi_in_place()),
                    receive.baseAddress.map { $0 + offset }, try mpiInteger(length, call),
                    Element.mpiDatatype.handle, operation.handle, handle, &started), call)
            request.append(started)
            countReduction(of: Element.self, Int32(length))
            offset += length
        }
        return request
    }

    /// Starts making `buffer` on every rank equal to that of `root`, which must not change its own until completion.
    /// - Parameter owner: held until completion; pass the object that holds the buffer's memory.
    package func startBroadcast<Element: MPIElement>(
        _ buffer: UnsafeMutableBufferPointer<Element>, root: Int = 0, owner: AnyObject? = nil
    ) throws(MPIError) -> Request {
        let call: StaticString = "MPI_Ibcast"
        let root = try mpiInteger(root, call)
        var request = Request(self, call, owner: owner)
        var offset = 0
        while offset < buffer.count {
            let length = min(blockLength, buffer.count - offset)
            var started: OpaquePointer?
            try checkMPI(
                cmpi_start_broadcast(
                    buffer.baseAddress.map { $0 + offset }, try mpiInteger(length, call), Element.mpiDatatype.handle,
                    root, handle, &started), call)
            request.append(started)
            collectives += 1
            offset += length
        }
        return request
    }
}
