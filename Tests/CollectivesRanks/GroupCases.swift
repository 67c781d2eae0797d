import CTestSupport
import Collectives
import Glibc
import RankCases

let groupCases = [
    RankCase(name: "split-by-colour") { world in
        // Odd and even ranks, in reverse order.
        let group = try world.split(color: world.rank % 2, key: -world.rank)
        let members = (0..<world.size).filter { $0 % 2 == world.rank % 2 }
        try checkEqual(group.size, members.count, "size of the group")
        try checkEqual(try group.allGather(Int32(world.rank)), members.reversed().map(Int32.init), "order by key")
        try checkEqual(try group.allReduce(Int64(world.rank)), Int64(members.reduce(0, +)), "sum over the group")
        // A group of one, and a group of a group.
        let alone = try group.split(color: group.rank, key: 0)
        try checkEqual(alone.size, 1, "size of a group of one")
        try checkEqual(try alone.allReduce(Float(world.rank)), Float(world.rank), "sum over one rank")
    },
    RankCase(name: "split-by-host") { world in
        let host = try world.splitByHost()
        let names = try world.allGather(hostName())
        let members = names.indices.filter { names[$0] == names[world.rank] }
        try checkEqual(try host.allGather(Int32(world.rank)), members.map(Int32.init), "ranks on this host")
    },
    RankCase(name: "communicators-are-freed") { world in
        func makeAndDrop(_ rounds: Int) throws {
            for _ in 0..<rounds { try checkEqual(try world.split(color: 0, key: world.rank).size, world.size, "size") }
        }
        try makeAndDrop(100)
        let before = cts_heap_bytes()
        try makeAndDrop(300)
        // A communicator of Open MPI is more than a kilobyte.
        let growth = cts_heap_bytes() - before
        try check(growth < 300 * 500, "the heap grew by \(growth) bytes over 300 communicators")
    },
]

private func hostName() -> String {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, 255)
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
