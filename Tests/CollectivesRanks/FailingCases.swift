import Collectives
import Glibc
import RankCases

let failingCases = [
    RankCase(name: "fail-one-rank") { world in
        if world.rank == world.size - 1 { throw CheckFailed("failing on purpose") }
        try world.barrier()
    },
    RankCase(name: "fail-all-ranks") { world in
        try world.barrier()
        throw CheckFailed("failing on purpose\neverywhere")
    },
    // A thread other than the one in a collective fails, as a data loader's would; a second failure is not reported.
    RankCase(name: "fail-in-thread") { world in
        if world.rank == world.size - 1 {
            for _ in 0..<2 {
                var thread = pthread_t()
                pthread_create(&thread, nil, { _ in JobFailure.end("failing on purpose in a thread") }, nil)
            }
            sleep(60)
        }
        try world.barrier()
    },
]
