import Collectives
import RankCases

let errorCases = [
    RankCase(name: "lengths-are-compared") { world in
        let before = world.collectives
        let three: [Float] = [1, 2, 3]
        var four: [Float] = [0, 0, 0, 0]
        for _ in 0..<2 {
            let blocking = try caughtError("all-reduce of 3 into 4") { () throws(MPIError) in
                try three.sending { send throws(MPIError) in
                    try four.receiving { receive throws(MPIError) in try world.allReduce(from: send, into: receive) }
                }
            }
            try checkEqual(blocking.call, "MPI_Allreduce", "call")
            try checkEqual(blocking.text, "3 elements sent, but room for 4 received", "text")
            try checkEqual(blocking.rank, world.rank, "rank")
        }
        _ = try caughtError("nonblocking all-reduce of 3 into 4") { () throws(MPIError) in
            try three.sending { send throws(MPIError) in
                try four.receiving { receive throws(MPIError) in
                    try world.startAllReduce(from: send, into: receive).wait()
                }
            }
        }
        var tooMany = [Float](repeating: 0, count: 3 * world.size + 1)
        _ = try caughtError("all-gather into one too many") { () throws(MPIError) in
            try three.sending { send throws(MPIError) in
                try tooMany.receiving { receive throws(MPIError) in try world.allGather(from: send, into: receive) }
            }
        }
        try checkEqual(world.collectives, before, "collectives after refused calls")
    },
    RankCase(name: "ranks-lengths-are-compared-on-request") { world in
        try world.checkEqualCount(1 << 40)
        if world.size == 1 { return }
        let error = try caughtError("unequal counts") { () throws(MPIError) in
            try world.checkEqualCount(100 + world.rank)
        }
        try check(error.text.hasSuffix("from 100 to \(99 + world.size) over all ranks"), "text is \(error.text)")
    },
    RankCase(name: "errors-of-mpi-are-thrown") { world in
        let group = try world.split(color: 0, key: world.rank)
        for communicator in [world, group] {
            let error = try caughtError("broadcast from a rank that is not there") { () throws(MPIError) in
                _ = try communicator.broadcast(1.0, root: communicator.size)
            }
            try check(error.text.contains("MPI_ERR_ROOT"), "text is \(error.text)")
            try checkEqual(error.call, "MPI_Bcast", "call")
            try check(error.code != 0 && error.errorClass != 0, "no code in \(error)")
            try check(!error.description.contains { $0.isNewline }, "more than one line: \(error)")
        }
        _ = try caughtError("a root of 33 bits") { () throws(MPIError) in _ = try world.broadcast(1.0, root: 1 << 32) }
        _ = try caughtError("a negative colour") { () throws(MPIError) in _ = try world.split(color: -1, key: 0) }
        try checkEqual(try world.allReduce(Int64(1)), Int64(world.size), "an all-reduce after the errors")
    },
    RankCase(name: "second-initialization-is-refused") { world in
        let error = try caughtError("a second environment") { () throws(MPIError) in
            _ = try MPIEnvironment(requiring: .single)
        }
        try check(error.text.contains("already been initialized"), "text is \(error.text)")
        try check(!MPIEnvironment.isFinalized, "the refused environment finalized MPI")
    },
]
