import Objectives
import Testing
import Vectors

private func vector(_ count: Int, index: Int) -> FlatVector {
    var stream = RandomStream(seed: 3, purpose: .test, index: index)
    return FlatVector((0..<count).map { _ in stream.normal() })
}

@Suite struct GradientTargetTests {
    @Test(arguments: [true, false])
    func `a gradient is accumulated range by range, scaled, over what was there or to it`(overwrites: Bool) {
        let (x, y) = (vector(33, index: 1), vector(33, index: 2))
        let sum = FlatVector(x.array)
        let target = GradientTarget(sum, factor: -0.75, overwrites: overwrites)
        target.accumulate(16..<33, y.pointer + 16)
        target.accumulate(0..<13, y.pointer)
        for i in 0..<33 {
            let before = overwrites ? 0 : x[i]
            #expect(sum[i] == (13..<16 ~= i ? x[i] : before + -0.75 * y[i]))
        }
        target.adding.accumulate(0..<33, y.pointer)
        #expect(sum[14] == x[14] + -0.75 * y[14])
        target.accumulateNothing()
        #expect((sum[14] == 0) == overwrites)
    }
}
