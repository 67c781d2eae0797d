import Objectives
import Optimizers
import Testing
import Vectors

@Suite struct LAMBTests {
    private let start: [Float] = [0.5, -1.25, 2, -0.75, 0, 3.5, -0.001]
    private let curvature: [Float] = [1, 0.5, 3, 0.1, 2, 0.25, 8]
    private let offset: [Float] = [0.25, 1, -0.5, 0, 1.5, -2, 0.125]
    private let groups = [ParameterGroup(0..<4, weightDecay: 0.1), ParameterGroup(4..<7, weightDecay: 0)]

    private func gradient(_ weights: FlatVector) -> FlatVector {
        FlatVector((0..<7).map { curvature[$0] * weights[$0] - offset[$0] })
    }

    @Test func `ten steps on two tensors, of which one decays, are timm's`() throws {
        let weights = FlatVector(start)
        let optimizer = try LAMB(parameterCount: 7, groups: groups)
        for step in 0..<10 {
            optimizer.update(weights, gradient: gradient(weights), learningRate: 0.02 * (1 - Double(step) / 20))
        }
        // timm.optim.Lamb(lr=0.02), with the rate of each step and weight_decay 0.1 and 0 of two parameters.
        let expected: [Float] = [
            0.3313537, -1.0626124, 1.8003079, -0.5720399, 0.15431857, 3.3446717, 0.012478262,
        ]
        for (found, value) in zip(weights.array, expected) { #expect(abs(found - value) < 2e-6, "\(found) \(value)") }
    }

    @Test func `what was saved continues bitwise`() throws {
        let (whole, resumed) = (FlatVector(start), FlatVector(start))
        let (one, first) = (
            try LAMB(parameterCount: 7, groups: groups), try LAMB(parameterCount: 7, groups: groups)
        )
        for _ in 0..<6 { one.update(whole, gradient: gradient(whole), learningRate: 0.01) }
        for _ in 0..<3 { first.update(resumed, gradient: gradient(resumed), learningRate: 0.01) }
        let second = try LAMB(parameterCount: 7, groups: groups)
        try second.restore(stepCount: first.stepCount, state: first.state)
        for _ in 0..<3 { second.update(resumed, gradient: gradient(resumed), learningRate: 0.01) }
        #expect(resumed.array == whole.array)
    }

    @Test func `a step of a decaying tensor is as long as the rate times its norm`() throws {
        let weights = FlatVector(start)
        let optimizer = try LAMB(parameterCount: 7, groups: groups)
        let before = weights.array
        optimizer.update(weights, gradient: gradient(weights), learningRate: 0.01)
        let moved = FlatVector((0..<4).map { weights[$0] - before[$0] }).norm
        #expect(abs(moved - 0.01 * FlatVector(Array(before[..<4])).norm) < 1e-7)
    }
}

@Suite struct RadiusScheduleTests {
    @Test func `rho follows the learning rate between its bounds, and never to nothing`() {
        let schedule = RadiusSchedule.learningRate
        #expect(schedule.radius(0.6, minimum: 0.2, share: 1) == 0.6)
        #expect(abs(schedule.radius(0.6, minimum: 0.2, share: 0.25) - 0.3) < 1e-15)
        #expect(schedule.radius(0.6, minimum: 0.2, share: 0) == 0.2)
        #expect(schedule.radius(0.6, minimum: 0, share: 0) == 0.6e-3)
        #expect(RadiusSchedule.constant.radius(0.6, minimum: 0.2, share: 0) == 0.6)
    }

    @Test func `a rule perturbs by the radius that it was last given`() throws {
        for method in [
            Method.sam(perturbationRadius: 0.1),
            .crsam(perturbationRadius: 0.1, traceWeight: 0.1, normWeight: 0.01, regularizer: .linear),
        ] {
            func result(_ rule: any GradientRule) throws -> [Float] {
                let gradient = FlatVector(count: 3)
                _ = try rule.evaluate(
                    AnalyticObjective(.sample(1)), at: FlatVector([1, 2, -1]), into: GradientSum(gradient))
                return gradient.array
            }
            let rule = try method.makeRule(parameterCount: 3)
            let before = try result(rule)
            rule.setPerturbationRadius(0.3)
            let after = try result(rule)
            var other = method
            other.perturbationRadius = 0.3
            #expect(try after == result(other.makeRule(parameterCount: 3)) && before != after)
        }
    }
}
