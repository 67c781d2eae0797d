import CMPI

// Collectives that return when their result is complete. None allocates on the heap unless it returns an array.
extension Communicator {
    /// Reduces `buffer` over all ranks, in place.
    package func allReduce<Element: MPIElement>(
        _ buffer: UnsafeMutableBufferPointer<Element>, _ operation: ReduceOperation = .sum
    ) throws(MPIError) {
        let call: StaticString = "MPI_Allreduce"
        try forEachBlock(of: buffer.count, call) { offset, length throws(MPIError) in
            try checkMPI(
                cmpi_allreduce(
                    cmpi_in_place(), buffer.baseAddress.map { $0 + offset }, length, Element.mpiDatatype.handle,
                    operation.handle, handle), call)
            countReduction(of: Element.self, length)
        }
    }

    /// Reduces `send` over all ranks into `receive`, which has the same length and does not overlap it.
    package func allReduce<Element: MPIElement>(
        from send: UnsafeBufferPointer<Element>, into receive: UnsafeMutableBufferPointer<Element>,
        _ operation: ReduceOperation = .sum
    ) throws(MPIError) {
        let call: StaticString = "MPI_Allreduce"
        try checkEqual(send.count, receive.count, call)
        try forEachBlock(of: send.count, call) { offset, length throws(MPIError) in
            try checkMPI(
                cmpi_allreduce(
                    send.baseAddress.map { $0 + offset }, receive.baseAddress.map { $0 + offset }, length,
                    Element.mpiDatatype.handle, operation.handle, handle), call)
            countReduction(of: Element.self, length)
        }
    }

    /// The ranks' values reduced to one.
    package func allReduce<Element: MPIElement>(
        _ value: Element, _ operation: ReduceOperation = .sum
    ) throws(MPIError) -> Element {
        let call: StaticString = "MPI_Allreduce"
        var result = value
        try checkMPI(
            cmpi_allreduce(cmpi_in_place(), &result, 1, Element.mpiDatatype.handle, operation.handle, handle), call)
        countReduction(of: Element.self, 1)
        return result
    }

    /// Makes `buffer` on every rank equal to that of `root`.
    package func broadcast<Element: MPIElement>(
        _ buffer: UnsafeMutableBufferPointer<Element>, root: Int = 0
    ) throws(MPIError) {
        let call: StaticString = "MPI_Bcast"
        let root = try mpiInteger(root, call)
        try forEachBlock(of: buffer.count, call) { offset, length throws(MPIError) in
            try checkMPI(
                cmpi_broadcast(
                    buffer.baseAddress.map { $0 + offset }, length, Element.mpiDatatype.handle, root, handle), call)
            collectives += 1
        }
    }

    /// `root`'s value.
    package func broadcast<Element: MPIElement>(_ value: Element, root: Int = 0) throws(MPIError) -> Element {
        let call: StaticString = "MPI_Bcast"
        var result = value
        try checkMPI(
            cmpi_broadcast(&result, 1, Element.mpiDatatype.handle, try mpiInteger(root, call), handle), call)
        collectives += 1
        return result
    }

    /// Writes the `send` buffers of all ranks, in the order of the ranks, into `receive` of `size` times the length.
    package func allGather<Element: MPIElement>(
        from send: UnsafeBufferPointer<Element>, into receive: UnsafeMutableBufferPointer<Element>
    ) throws(MPIError) {
        let call: StaticString = "MPI_Allgather"
        let count = send.count
        try checkEqual(count * size, receive.count, call)
        guard let source = send.baseAddress, let target = receive.baseAddress else { return }
        if count <= blockLength {
            try checkMPI(
                cmpi_allgather(source, target, try mpiInteger(count, call), Element.mpiDatatype.handle, handle), call)
            collectives += 1
        } else {
            // One MPI call cannot leave gaps between the ranks' blocks for the blocks to come; broadcasts can.
            (target + rank * count).update(from: source, count: count)
            for root in 0..<size {
                try broadcast(UnsafeMutableBufferPointer(start: target + root * count, count: count), root: root)
            }
        }
    }

    /// The value of every rank, in the order of the ranks.
    package func allGather<Element: MPIElement>(_ value: Element) throws(MPIError) -> [Element] {
        var values = [Element](repeating: value, count: size)
        var sent = value
        try checkMPI(
            cmpi_allgather(&sent, &values, 1, Element.mpiDatatype.handle, handle), "MPI_Allgather")
        collectives += 1
        return values
    }

    /// Returns once every rank has called it.
    package func barrier() throws(MPIError) {
        try checkMPI(cmpi_barrier(handle), "MPI_Barrier")
        collectives += 1
    }

    /// Throws on every rank alike unless all pass the same `count`. One collective: for where a buffer is made, not
    /// for every use of it.
    package func checkEqualCount(_ count: Int) throws(MPIError) {
        // −min(count) is sent as max(−count), so that one reduction returns both.
        var extremes = [Int64(count), -Int64(count)]
        try extremes.withUnsafeMutableBufferPointer { buffer throws(MPIError) in try allReduce(buffer, .max) }
        guard extremes[0] == -extremes[1] else {
            throw MPIError(
                code: cmpi_error_count(), call: "MPI_Allreduce",
                text: "\(count) elements on this rank, from \(-extremes[1]) to \(extremes[0]) over all ranks")
        }
    }

    func countReduction<Element>(of type: Element.Type, _ length: Int32) {
        collectives += 1
        reducedBytes += Int(length) * MemoryLayout<Element>.stride
    }
}
