import Datasets
import Testing

@Suite struct WindowedOrderTests {
    @Test(arguments: [(1, 1), (7, 64), (1000, 64), (1000, 200), (4097, 640), (5000, 1_000_000)])
    func `every sample comes once, in another order each epoch`(count: Int, window: Int) {
        let orders = (0..<2).map { WindowedOrder(count: count, window: window, seed: 4, epoch: $0) }
        for order in orders { #expect((0..<count).map { order[$0] }.sorted() == Array(0..<count)) }
        if count > 10 { #expect((0..<count).map { orders[0][$0] } != (0..<count).map { orders[1][$0] }) }
    }

    @Test func `samples of a window come from its ranges, which no other window has`() {
        let order = WindowedOrder(count: 10_007, window: 1280, seed: 1, epoch: 3)
        var seen: Set<Int> = []
        for window in 0...order.window(of: 10_006) {
            let samples = Set(order.ranges(ofWindow: window).joined())
            #expect(samples.isDisjoint(with: seen))
            seen.formUnion(samples)
            for position in 0..<10_007 where order.window(of: position) == window {
                #expect(samples.contains(order[position]))
            }
        }
        #expect(seen.count == 10_007)
        #expect(order.ranges(ofWindow: order.window(of: 10_006) + 1).isEmpty)
        // Blocks of 20 that lie together.
        #expect(order.ranges(ofWindow: 0).count == 64 && order.ranges(ofWindow: 0).allSatisfy { $0.count <= 20 })
    }

    @Test func `a sampler gives the batches of the order that it is asked for`() {
        let sampler = EpochSampler(sampleCount: 500, batchSize: 32, seed: 9, order: .windowed(64))
        let order = WindowedOrder(count: 500, window: 64, seed: 9, epoch: 2)
        #expect((0..<500).map { sampler.sampleIndex(epoch: 2, position: $0) } == (0..<500).map { order[$0] })
        #expect((0..<500).map { order[$0] } != (0..<500).map { KeyedPermutation(count: 500, seed: 9, epoch: 2)[$0] })
    }
}
