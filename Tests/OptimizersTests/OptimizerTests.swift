import Optimizers
import Testing
import Vectors

private typealias Goldens = OptimizerGoldens

/// The optimizers that generate.py ran, and their rate.
private func makeOptimizer(_ name: String) throws -> (optimizer: any Optimizer, rate: Double) {
    let count = Goldens.start.count
    switch name {
    case "SGD plain": return (try SGD(parameterCount: count), 0.05)
    case "SGD weight decay": return (try SGD(parameterCount: count, weightDecay: 0.1), 0.05)
    case "SGD momentum": return (try SGD(parameterCount: count, momentum: 0.9, weightDecay: 1e-3), 0.05)
    case "SGD Nesterov", "SGD Nesterov clipped":
        return (try SGD(parameterCount: count, momentum: 0.9, nesterov: true, weightDecay: 1e-3), 0.05)
    case "AdamW": return (try AdamW(parameterCount: count), 0.01)
    default:
        return (try AdamW(parameterCount: count, beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.3), 0.1)
    }
}

/// Steps on the quadratic with gradient a·w − b, at a rate that falls; returns the norms before clipping.
@discardableResult
private func run(
    _ optimizer: any Optimizer, _ weights: FlatVector, steps: Range<Int>, rate: Double,
    clipping: GradientClipping? = nil,
    afterEach: (Int) -> Void = { _ in }
) -> [Double] {
    let gradient = FlatVector(count: weights.count)
    var norms: [Double] = []
    for step in steps {
        for i in 0..<weights.count { gradient[i] = Goldens.curvature[i] * weights[i] - Goldens.offset[i] }
        if let clipping { norms.append(clipping.clip(gradient)) }
        optimizer.update(weights, gradient: gradient, learningRate: rate * (1 - Double(step) / 20))
        afterEach(step + 1)
    }
    return norms
}

private func relativeDistance(_ x: [Float], _ y: [Float]) -> Double {
    distance(x.map(Double.init), y.map(Double.init)) / dot(y.map(Double.init), y.map(Double.init)).squareRoot()
}

@Suite struct OptimizerTests {
    @Test(arguments: Goldens.trajectories.keys.sorted())
    func `ten steps are PyTorch's`(name: String) throws {
        let golden = try #require(Goldens.trajectories[name])
        let (optimizer, rate) = try makeOptimizer(name)
        let clipping = golden.norms.isEmpty ? nil : try GradientClipping(maximumNorm: 2)
        let weights = FlatVector(Goldens.start)
        let norms = run(optimizer, weights, steps: 0..<10, rate: rate, clipping: clipping) { step in
            // One rounding of a weight is 6e-8 of it.
            if step == 1 { #expect(relativeDistance(weights.array, golden.first) < 1e-7) }
            if step == 2 { #expect(relativeDistance(weights.array, golden.second) < 2e-7) }
        }
        #expect(relativeDistance(weights.array, golden.last) < 5e-7)
        #expect(Set(optimizer.state.map(\.name)) == Set(golden.state.keys))
        for (stateName, vector) in optimizer.state {
            let expected = try #require(golden.state[stateName])
            #expect(relativeDistance(vector.array, expected) < 1e-6, "\(stateName)")
            // A sum of squares cannot cancel, so each element keeps its digits: a 1 − β₂ rounded wrongly is 1e-5 of v
            // and moves no weight visibly.
            guard stateName == "exp_avg_sq" else { continue }
            for (result, golden) in zip(vector.array, expected) { #expect(abs(result - golden) < 3e-6 * golden) }
        }
        #expect(norms.count == golden.norms.count)
        for (norm, expected) in zip(norms, golden.norms) { #expect(abs(norm - expected) < 1e-6 * expected) }
        #expect(optimizer.stepCount == 10)
    }

    @Test(arguments: Goldens.trajectories.keys.sorted())
    func `a restored optimizer continues bitwise identically`(name: String) throws {
        let (whole, rate) = try makeOptimizer(name)
        let uninterrupted = FlatVector(Goldens.start)
        run(whole, uninterrupted, steps: 0..<10, rate: rate)

        let (before, _) = try makeOptimizer(name)
        let weights = FlatVector(Goldens.start)
        run(before, weights, steps: 0..<4, rate: rate)
        let saved = before.state.map { (name: $0.name, vector: FlatVector($0.vector.array)) }
        let (after, _) = try makeOptimizer(name)
        // Order in the file is the file's affair.
        try after.restore(stepCount: before.stepCount, state: saved.reversed())
        #expect(after.stepCount == 4)
        #expect(after.state.map(\.vector.array) == saved.map(\.vector.array))
        run(after, weights, steps: 4..<10, rate: rate)
        #expect(weights.fingerprint() == uninterrupted.fingerprint())
        #expect(after.state.map { $0.vector.fingerprint() } == whole.state.map { $0.vector.fingerprint() })
    }

    @Test func `state has PyTorch's names, and only what is needed`() throws {
        #expect(try SGD(parameterCount: 4, weightDecay: 1).state.isEmpty)
        #expect(try SGD(parameterCount: 4, momentum: 0.5).state.map(\.name) == ["momentum_buffer"])
        #expect(try AdamW(parameterCount: 4).state.map(\.name) == ["exp_avg", "exp_avg_sq"])
    }

    @Test func `a state that does not fit is refused by name and changes nothing`() throws {
        let adam = try AdamW(parameterCount: 3)
        let (ones, long) = (FlatVector([1, 1, 1]), FlatVector([1, 1, 1, 1]))
        func refusal(_ count: Int, _ state: [(name: String, vector: FlatVector)]) -> OptimizerError? {
            #expect(throws: OptimizerError.self) { try adam.restore(stepCount: count, state: state) }
        }
        #expect(refusal(2, [("exp_avg", ones)]) == .missingState(name: "exp_avg_sq"))
        #expect(
            refusal(2, [("exp_avg", ones), ("exp_avg_sq", long)])
                == .wrongStateLength(name: "exp_avg_sq", expected: 3, found: 4))
        #expect(
            refusal(2, [("exp_avg", ones), ("exp_avg_sq", ones), ("momentum_buffer", ones)])
                == .unexpectedState(name: "momentum_buffer"))
        #expect(refusal(-1, [("exp_avg", ones), ("exp_avg_sq", ones)]) == .negativeStepCount(-1))
        #expect(adam.stepCount == 0)
        #expect(adam.state.allSatisfy { $0.vector.array == [0, 0, 0] })
    }

    @Test(arguments: ["SGD Nesterov", "AdamW"]) func `the floats between tensors stay zero`(name: String) throws {
        let (optimizer, _) = try makeOptimizer(name)
        let weights = FlatVector(count: Goldens.start.count)
        let gradient = FlatVector(count: weights.count)
        (weights[0], gradient[0]) = (1, 1)
        for _ in 0..<5 { optimizer.update(weights, gradient: gradient, learningRate: 0.1) }
        #expect(weights[0] != 1)
        #expect(weights.array[1...].allSatisfy { $0 == 0 })
    }

    @Test func `hyperparameters that make no sense are refused in one line`() {
        for bad in [-0.1, .nan, .infinity] {
            #expect(throws: OptimizerError.self) { try SGD(parameterCount: 1, momentum: bad) }
            #expect(throws: OptimizerError.self) { try SGD(parameterCount: 1, weightDecay: bad) }
            #expect(throws: OptimizerError.self) { try AdamW(parameterCount: 1, beta1: bad) }
            #expect(throws: OptimizerError.self) { try AdamW(parameterCount: 1, beta2: bad) }
            #expect(throws: OptimizerError.self) { try AdamW(parameterCount: 1, epsilon: bad) }
            #expect(throws: OptimizerError.self) { try AdamW(parameterCount: 1, weightDecay: bad) }
            #expect(throws: OptimizerError.self) { try GradientClipping(maximumNorm: bad) }
        }
        #expect(throws: OptimizerError.self) { try SGD(parameterCount: 1, momentum: 1) }
        #expect(throws: OptimizerError.self) { try AdamW(parameterCount: 1, beta2: 1) }
        #expect(throws: OptimizerError.self) { try AdamW(parameterCount: 1, epsilon: 1e-60) }
        #expect(throws: OptimizerError.self) { try GradientClipping(maximumNorm: 0) }
        #expect(throws: OptimizerError.nesterovWithoutMomentum) { try SGD(parameterCount: 1, nesterov: true) }
        let all: [OptimizerError] = [
            .outOfRange(parameter: "momentum", value: 2, allowed: "below 1"), .nesterovWithoutMomentum,
            .missingState(name: "a"), .unexpectedState(name: "a"),
            .wrongStateLength(name: "a", expected: 1, found: 2), .negativeStepCount(-1),
        ]
        #expect(all.allSatisfy { !$0.description.contains("\n") && !$0.description.isEmpty })
    }
}

@Suite struct GradientClippingTests {
    @Test func `a longer gradient is cut to the norm, a shorter one keeps its bits`() throws {
        let clipping = try GradientClipping(maximumNorm: 2)
        let long = FlatVector([3, 0, -4])
        #expect(clipping.clip(long) == 5)
        #expect(abs(long.norm - 2) < 1e-6)
        #expect(long[0] > 0 && long[1] == 0 && long[2] < 0)
        let short = FlatVector([0.6, 0, -0.8])
        #expect(abs(clipping.clip(short) - 1) < 1e-7)
        #expect(short.array == [0.6, 0, -0.8])
    }

    @Test func `a norm that is not finite is returned`() throws {
        let clipping = try GradientClipping(maximumNorm: 2)
        #expect(clipping.clip(FlatVector([1, .nan])).isNaN)
        #expect(clipping.clip(FlatVector([1, .infinity])) == .infinity)
        #expect(clipping.clip(FlatVector([0, 0])) == 0)
    }
}
