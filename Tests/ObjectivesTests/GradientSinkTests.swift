import Objectives
import Testing
import Vectors

private func vector(_ count: Int, index: Int) -> FlatVector {
    var stream = RandomStream(seed: 3, purpose: .test, index: index)
    return FlatVector((0..<count).map { _ in stream.normal() })
}

/// Records the calls that it gets, in order.
private final class Listener: GradientSink {
    enum Event: Equatable {
        case evaluated(Evaluation)
        case ready(Int)
    }

    let sum: FlatVector
    private(set) var events: [Event] = []

    init(_ sum: FlatVector) { self.sum = sum }

    func evaluated(_ result: Evaluation) { events.append(.evaluated(result)) }
    func ready(from start: Int) { events.append(.ready(start)) }
}

@Suite struct GradientSumTests {
    @Test(arguments: [true, false])
    func `a gradient is accumulated range by range, scaled, over what was there or to it`(overwrites: Bool) {
        let (x, y) = (vector(33, index: 1), vector(33, index: 2))
        let sum = FlatVector(x.array)
        let sink = GradientSum(sum, factor: -0.75, overwrites: overwrites)
        sink.accumulate(16..<33, y.pointer + 16)
        sink.accumulate(0..<13, y.pointer)
        for i in 0..<33 {
            let before = overwrites ? 0 : x[i]
            #expect(sum[i] == (13..<16 ~= i ? x[i] : before + -0.75 * y[i]))
        }
        sink.accumulate(0..<33, y.pointer, scaledBy: 2, adding: true)
        #expect(sum[14] == x[14] + -1.5 * y[14])
        sink.accumulateNothing()
        #expect((sum[14] == 0) == overwrites)
    }

    @Test func `losses and progress reach who waits for the sum`() throws {
        let listener = Listener(FlatVector(count: 2))
        let sink = GradientSum(FlatVector(count: 2))
        try sink.ready(from: 1)
        sink.set(listener.sum, overwrites: true, next: listener)
        let result = Evaluation(loss: 2)
        try sink.evaluated(result)
        try sink.ready(from: 1)
        #expect(listener.events == [.evaluated(result), .ready(1)])
    }
}

@Suite struct GradientPartsTests {
    @Test func `parts are one evaluation: gradients and losses added, heard of in the last part alone`() throws {
        let values = (0..<3).map { vector(4, index: $0) }
        let listener = Listener(vector(4, index: 9))
        let parts = GradientParts()
        // Twice, as nothing of one evaluation counts in the next.
        for round in 1...2 {
            let total = try parts.forward(to: listener) {
                for (index, value) in values.enumerated() {
                    parts.begin(isFirst: index == 0, isLast: index == 2, scaledBy: 0.5)
                    try parts.evaluated(Evaluation(lossSum: Double(index + 1), correct: 1, sampleCount: 2))
                    parts.accumulate(2..<4, value.pointer + 2)
                    try parts.ready(from: 2)
                    parts.accumulate(0..<2, value.pointer)
                    try parts.ready(from: 0)
                }
            }
            let expected = Evaluation(lossSum: 6, correct: 3, sampleCount: 6)
            #expect(total == expected && total.loss == 1)
            #expect(listener.events.suffix(3) == [.evaluated(expected), .ready(2), .ready(0)])
            #expect(listener.events.count == 3 * round)
            for i in 0..<4 {
                #expect(listener.sum[i] == 0.5 * values[0][i] + 0.5 * values[1][i] + 0.5 * values[2][i])
            }
        }
    }
}

/// Group k has the gradient (k + 1)·point and the loss k over as many samples.
private final class Groups: GroupedObjective {
    let parameterCount = 2
    let weights: [Double]
    private(set) var passes: [Pass] = []

    init(_ weights: [Double]) { self.weights = weights }

    var groupCount: Int { weights.count }
    func weight(ofGroup group: Int) -> Double { weights[group] }

    func evaluate(group: Int, pass: Pass, at point: FlatVector, into sink: any GradientSink) throws -> Evaluation {
        passes.append(pass)
        let gradient = FlatVector(point.elements.map { Float(group + 1) * $0 })
        let result = Evaluation(loss: Double(group), correct: 1, sampleCount: group)
        try sink.evaluated(result)
        sink.accumulate(0..<2, gradient.pointer)
        try sink.ready(from: 0)
        return result
    }
}

@Suite struct BatchMeanTests {
    @Test func `the mean over a batch is the groups' gradients by weight, without what has none`() throws {
        let listener = Listener(vector(2, index: 1))
        let groups = Groups([0.25, 0.75, 0])
        let result = try BatchMean(of: groups).evaluate(at: FlatVector([4, -8]), into: listener)
        #expect(listener.sum.array == [7, -14])
        #expect(result == Evaluation(lossSum: 1, correct: 2, sampleCount: 1))
        #expect(listener.events == [.evaluated(result), .ready(0)])
        #expect(groups.passes == [.ascent, .ascent], "no pass that moves running statistics")
    }

    @Test func `no samples have no gradient`() throws {
        let listener = Listener(vector(2, index: 1))
        let result = try BatchMean(of: Groups([0])).evaluate(at: FlatVector([4, -8]), into: listener)
        #expect(listener.sum.array == [0, 0] && result.sampleCount == 0)
        #expect(listener.events.last == .ready(0))
    }
}
