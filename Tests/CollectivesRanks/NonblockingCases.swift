import Collectives
import RankCases

let nonblockingCases = [
    RankCase(name: "nonblocking-overlaps-work") { world in
        let count = 200_000
        let first = Buffers(count) { Float($0 % 100 + world.rank) }
        let second = Buffers(count) { Float(world.rank - $0 % 100) }
        var one = try world.startAllReduce(from: UnsafeBufferPointer(first.send), into: first.receive, owner: first)
        let two = try world.startAllReduce(
            from: UnsafeBufferPointer(second.send), into: second.receive, .max, owner: second)
        // Work between polls: the partial sums of 1/k², which tend to π²/6.
        var series = 0.0
        var term = 0.0
        repeat {
            for _ in 0..<1000 {
                term += 1
                series += 1 / (term * term)
            }
        } while try !one.test()
        try check(series < Double.pi * Double.pi / 6, "the series exceeds its limit")
        try check(try one.test(), "a completed request is no longer complete")
        try one.wait()
        try two.wait()
        let ranks = world.size * (world.size - 1) / 2
        for index in 0..<count {
            try checkEqual(first.receive[index], Float(index % 100 * world.size + ranks), "sum at \(index)")
            try checkEqual(second.receive[index], Float(world.size - 1 - index % 100), "maximum at \(index)")
            try checkEqual(first.send[index], Float(index % 100 + world.rank), "send buffer at \(index)")
        }
    },
    RankCase(name: "nonblocking-in-place") { world in
        let count = 200_000
        let buffers = Buffers(count) { Float($0 % 100 + world.rank) }
        let request = try world.startAllReduce(buffers.send, owner: buffers)
        try request.wait()
        let ranks = world.size * (world.size - 1) / 2
        for index in 0..<count {
            try checkEqual(buffers.send[index], Float(index % 100 * world.size + ranks), "sum at \(index)")
        }
    },
    RankCase(name: "nonblocking-broadcast") { world in
        for root in 0..<world.size {
            let buffers = Buffers(1000) { Float($0 + world.rank) }
            let request = try world.startBroadcast(buffers.send, root: root, owner: buffers)
            try request.wait()
            try checkEqual(Array(buffers.send), (0..<1000).map { Float($0 + root) }, "broadcast from \(root)")
        }
    },
    RankCase(name: "owner-lives-until-completion") { world in
        weak var observed: Buffers?
        let request = try started(world, &observed)
        try check(observed != nil, "the buffers went while the request was under way")
        try request.wait()
        try check(observed == nil, "the buffers outlive the completed request")
    },
    // MPI may still write into the buffers of a request that an error unwound past.
    RankCase(name: "owner-of-a-dropped-request-stays") { world in
        weak var observed: Buffers?
        _ = try started(world, &observed)
        try world.barrier()
        try check(observed != nil, "the buffers went while MPI may write into them")
    },
]

private func started(_ world: Communicator, _ observed: inout Buffers?) throws -> Request {
    let buffers = Buffers(1000) { Float($0) }
    observed = buffers
    return try world.startAllReduce(from: UnsafeBufferPointer(buffers.send), into: buffers.receive, owner: buffers)
}

private final class Buffers {
    let send: UnsafeMutableBufferPointer<Float>
    let receive: UnsafeMutableBufferPointer<Float>

    init(_ count: Int, _ value: (Int) -> Float) {
        send = .allocate(capacity: count)
        receive = .allocate(capacity: count)
        for index in 0..<count { send.initializeElement(at: index, to: value(index)) }
        receive.initialize(repeating: 0)
    }

    deinit {
        send.deallocate()
        receive.deallocate()
    }
}
