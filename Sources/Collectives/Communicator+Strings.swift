import CMPI

// Text, as UTF-8: two collectives a call, the lengths first. For start-up and errors, not for every step.
extension Communicator {
    /// `root`'s text on every rank. The other ranks' argument is ignored.
    package func broadcast(_ text: String, root: Int = 0) throws(MPIError) -> String {
        var bytes = Array(text.utf8)
        let count = Int(try broadcast(Int64(bytes.count), root: root))
        if rank != root { bytes = [UInt8](repeating: 0, count: count) }
        try bytes.withUnsafeMutableBufferPointer { buffer throws(MPIError) in try broadcast(buffer, root: root) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Every rank's text, of any length, in the order of the ranks. All together at most 2³¹ − 1 bytes.
    package func allGather(_ text: String) throws(MPIError) -> [String] {
        let call: StaticString = "MPI_Allgatherv"
        let bytes = Array(text.utf8)
        let counts = try allGather(try mpiInteger(bytes.count, call))
        var offsets = [Int32]()
        var total = 0
        for count in counts {
            offsets.append(try mpiInteger(total, call))
            total += Int(count)
        }
        _ = try mpiInteger(total, call)
        var gathered = [UInt8](repeating: 0, count: total)
        try checkMPI(
            cmpi_allgather_varying(
                bytes, counts[rank], &gathered, counts, offsets, UInt8.mpiDatatype.handle, handle), call)
        collectives += 1
        return zip(offsets, counts).map { offset, count in
            String(decoding: gathered[Int(offset)..<Int(offset + count)], as: UTF8.self)
        }
    }
}
