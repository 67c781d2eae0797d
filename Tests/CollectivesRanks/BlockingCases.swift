import Collectives
import RankCases

let blockingCases = [
    RankCase(name: "all-reduce-of-every-type") { world in
        try reduces(Float.self, world)
        try reduces(Double.self, world)
        try reduces(Int32.self, world)
        try reduces(Int64.self, world)
        try reduces(UInt8.self, world)
        try reduces(UInt64.self, world)
    },
    RankCase(name: "counts-collectives-and-bytes") { world in
        let group = try world.split(color: 0, key: world.rank)
        try checkEqual(group.collectives, 0, "collectives of a new communicator")
        var values = [Float](repeating: 1, count: 1000)
        try values.receiving { buffer throws(MPIError) in try group.allReduce(buffer) }
        try checkEqual(group.collectives, 1, "collectives after one all-reduce")
        try checkEqual(group.reducedBytes, 4000, "bytes after one all-reduce")
        _ = try group.broadcast(1.0)
        _ = try group.allGather(Int32(1))
        try group.barrier()
        try checkEqual(group.collectives, 4, "collectives after four calls")
        try checkEqual(group.reducedBytes, 4000, "bytes after one all-reduce and three others")
    },
    RankCase(name: "broadcast-from-every-rank") { world in
        for root in 0..<world.size {
            var values = (0..<100).map { Int64(1000 * world.rank + $0) }
            try values.receiving { buffer throws(MPIError) in try world.broadcast(buffer, root: root) }
            try checkEqual(values, (0..<100).map { Int64(1000 * root + $0) }, "broadcast from \(root)")
            try checkEqual(try world.broadcast(UInt64(world.rank) << 40, root: root), UInt64(root) << 40, "value")
        }
    },
    RankCase(name: "all-gather-in-order") { world in
        try checkEqual(
            try world.allGather(Double(world.rank * world.rank)), (0..<world.size).map { Double($0 * $0) }, "values")
        let sent = [Int32(world.rank), Int32(-world.rank)]
        var received = [Int32](repeating: 99, count: 2 * world.size)
        try sent.sending { send throws(MPIError) in
            try received.receiving { receive throws(MPIError) in try world.allGather(from: send, into: receive) }
        }
        try checkEqual(received, (0..<Int32(world.size)).flatMap { [$0, -$0] }, "all-gather")
    },
    RankCase(name: "strings-of-any-length") { world in
        func text(_ rank: Int) -> String { String(repeating: "é✓", count: rank * rank) }
        try checkEqual(try world.allGather(text(world.rank)), (0..<world.size).map(text), "gathered strings")
        let last = world.size - 1
        try checkEqual(try world.broadcast("from \(world.rank) ✓", root: last), "from \(last) ✓", "broadcast string")
        try checkEqual(try world.broadcast(world.rank == 0 ? "" : "ignored"), "", "empty string")
    },
    RankCase(name: "long-buffers-in-blocks") { world in
        let group = try world.split(color: 0, key: world.rank)
        group.blockLength = 7
        let count = 100  // 15 blocks, the last of 2
        var values = (0..<count).map { Float($0 + world.rank) }
        let sent = values
        let sums = (0..<count).map { Float($0 * world.size + world.size * (world.size - 1) / 2) }
        try values.receiving { buffer throws(MPIError) in try group.allReduce(buffer) }
        try checkEqual(values, sums, "block-wise all-reduce in place")
        try checkEqual(group.collectives, 15, "blocks")
        try checkEqual(group.reducedBytes, 4 * count, "bytes")

        var received = [Float](repeating: 0, count: count)
        try sent.sending { send throws(MPIError) in
            try received.receiving { receive throws(MPIError) in try group.allReduce(from: send, into: receive) }
        }
        try checkEqual(received, sums, "block-wise all-reduce")
        received = [Float](repeating: 0, count: count)
        try sent.sending { send throws(MPIError) in
            try received.receiving { receive throws(MPIError) in
                try group.startAllReduce(from: send, into: receive).wait()
            }
        }
        try checkEqual(received, sums, "block-wise nonblocking all-reduce")

        let root = world.size - 1
        let expected = (0..<count).map { Float($0 + root) }
        var copy = sent
        try copy.receiving { buffer throws(MPIError) in try group.broadcast(buffer, root: root) }
        try checkEqual(copy, expected, "block-wise broadcast")
        copy = sent
        try copy.receiving { buffer throws(MPIError) in try group.startBroadcast(buffer, root: root).wait() }
        try checkEqual(copy, expected, "block-wise nonblocking broadcast")

        var gathered = [Float](repeating: -1, count: count * world.size)
        try sent.sending { send throws(MPIError) in
            try gathered.receiving { receive throws(MPIError) in try group.allGather(from: send, into: receive) }
        }
        try checkEqual(
            gathered, (0..<world.size).flatMap { rank in (0..<count).map { Float($0 + rank) } }, "block-wise all-gather"
        )
    },
    RankCase(name: "empty-buffers-send-nothing") { world in
        let before = world.collectives
        var none: [Float] = []
        try none.receiving { buffer throws(MPIError) in
            try world.allReduce(buffer)
            try world.broadcast(buffer)
            try world.startAllReduce(from: UnsafeBufferPointer(buffer), into: buffer).wait()
        }
        try checkEqual(world.collectives, before, "collectives")
    },
]

/// Sum, minimum and maximum of the ranks and of values that differ by element, in every form.
private func reduces<Element: MPIElement & Numeric & Comparable>(_ type: Element.Type, _ world: Communicator) throws {
    let size = world.size
    func value(_ rank: Int, _ index: Int) -> Element {
        guard let value = Element(exactly: rank + index) else { preconditionFailure("\(rank) + \(index)") }
        return value
    }
    let count = 20
    let sent = (0..<count).map { value(world.rank, $0) }
    let expected: [(ReduceOperation, [Element])] = [
        (.sum, (0..<count).map { value(size * (size - 1) / 2, $0 * size) }),
        (.min, (0..<count).map { value(0, $0) }),
        (.max, (0..<count).map { value(size - 1, $0) }),
    ]
    for (operation, result) in expected {
        var inPlace = sent
        try inPlace.receiving { buffer throws(MPIError) in try world.allReduce(buffer, operation) }
        try checkEqual(inPlace, result, "\(operation) of \(type) in place")
        var received = sent
        try sent.sending { send throws(MPIError) in
            try received.receiving { receive throws(MPIError) in
                try world.allReduce(from: send, into: receive, operation)
            }
        }
        try checkEqual(received, result, "\(operation) of \(type)")
        try checkEqual(try world.allReduce(value(world.rank, 1), operation), result[1], "\(operation) of one \(type)")
    }
}
