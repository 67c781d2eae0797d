import Optimizers
import Testing

private func rates(_ schedule: LearningRateSchedule, stepsPerEpoch: Int = 10, _ totalSteps: Int) -> [Double] {
    (0..<totalSteps).map { schedule.learningRate(step: $0, stepsPerEpoch: stepsPerEpoch, totalSteps: totalSteps) }
}

private func isClose(_ x: Double, _ y: Double) -> Bool { abs(x - y) < 1e-12 }

@Suite struct LearningRateScheduleTests {
    @Test(arguments: [ConstantDecay() as any LearningRateDecay, CosineDecay(), LinearDecay(), StepDecay()])
    func `the warm-up rises evenly from above 0 to the peak`(decay: any LearningRateDecay) throws {
        let schedule = try LearningRateSchedule(peak: 0.5, decay: decay, warmupEpochs: 0.5)
        let all = rates(schedule, 100)
        #expect(schedule.warmupSteps(stepsPerEpoch: 10) == 5)
        for step in 0..<5 { #expect(isClose(all[step], 0.5 * Double(step + 1) / 5)) }
        #expect(all[5] == 0.5)
        #expect(all.allSatisfy { $0 > 0 && $0 <= 0.5 })
    }

    @Test func `without a warm-up the first step has the peak`() throws {
        for decay in [ConstantDecay() as any LearningRateDecay, CosineDecay(), LinearDecay(), StepDecay()] {
            #expect(rates(try LearningRateSchedule(peak: 0.5, decay: decay), 40)[0] == 0.5)
        }
    }

    @Test func `constant stays`() throws {
        #expect(
            rates(try LearningRateSchedule(peak: 0.3, decay: ConstantDecay()), 7) == [Double](repeating: 0.3, count: 7))
    }

    @Test func `cosine is half way at the middle, symmetric, and ends above its final rate`() throws {
        let all = rates(try LearningRateSchedule(peak: 2, decay: CosineDecay()), 100)
        #expect(isClose(all[50], 1))
        #expect(isClose(all[25], 1 + 0.5.squareRoot()))
        #expect((1..<100).allSatisfy { isClose(all[$0] + all[100 - $0], 2) && all[$0] < all[$0 - 1] })
        #expect(all[99] > 0 && all[99] < 0.001)
        let raised = rates(try LearningRateSchedule(peak: 2, decay: CosineDecay(finalFraction: 0.1)), 100)
        #expect(isClose(raised[50], 0.2 + 0.9))
    }

    @Test func `linear falls by the same amount each step`() throws {
        let schedule = try LearningRateSchedule(peak: 1, decay: LinearDecay(finalFraction: 0.2), warmupEpochs: 2)
        let all = rates(schedule, 100)
        #expect(all[20] == 1 && isClose(all[60], 0.6) && isClose(all[99], 0.21))
    }

    @Test(arguments: [CosineDecay(finalFraction: 0.25) as any LearningRateDecay, LinearDecay(finalFraction: 0.25)])
    func `past the end the rate is the final one`(decay: any LearningRateDecay) throws {
        let schedule = try LearningRateSchedule(peak: 4, decay: decay, warmupEpochs: 1)
        for step in [100, 101, 100_000] {
            #expect(isClose(schedule.learningRate(step: step, stepsPerEpoch: 10, totalSteps: 100), 1))
        }
    }

    @Test func `step divides by ten at half and at three quarters of the run`() throws {
        let all = rates(try LearningRateSchedule(peak: 1, decay: StepDecay(), warmupEpochs: 1), 200)
        #expect(all[99] == 1 && isClose(all[100], 0.1) && isClose(all[149], 0.1) && isClose(all[150], 0.01))
        #expect(isClose(all[199], 0.01))
    }

    @Test func `step at fractions of its own, and a product that rounds up does not shift the milestone`() throws {
        let decay = StepDecay(milestones: .fractions([0.1, 0.9]), factor: 0.5)
        let all = rates(try LearningRateSchedule(peak: 1, decay: decay), 30)
        #expect(all[2] == 1 && all[3] == 0.5 && all[26] == 0.5 && all[27] == 0.25)
    }

    @Test func `step every N epochs`() throws {
        let decay = StepDecay(milestones: .everyEpochs(2), factor: 0.5)
        let all = rates(try LearningRateSchedule(peak: 1, decay: decay), 60)
        #expect(all[19] == 1 && all[20] == 0.5 && all[39] == 0.5 && all[40] == 0.25 && all[59] == 0.25)
    }

    @Test func `runs of a single step, or shorter than the warm-up, are no special case`() throws {
        let cosine = try LearningRateSchedule(peak: 1, decay: CosineDecay())
        #expect(cosine.learningRate(step: 0, stepsPerEpoch: 1, totalSteps: 1) == 1)
        #expect(cosine.learningRate(step: 0, stepsPerEpoch: 1, totalSteps: 0) == 1)
        let slow = try LearningRateSchedule(peak: 1, decay: CosineDecay(), warmupEpochs: 10)
        #expect(rates(slow, 4) == [0.01, 0.02, 0.03, 0.04])
        let endless = try LearningRateSchedule(peak: 1, decay: LinearDecay(), warmupEpochs: 1e300)
        #expect(rates(endless, 4).allSatisfy { $0 > 0 && $0 < 1e-12 })
        #expect(endless.learningRate(step: .max, stepsPerEpoch: .max, totalSteps: .max) == 0)
    }

    @Test func `values that make no sense are refused in one line`() {
        for bad in [-0.1, .nan, .infinity] {
            #expect(throws: OptimizerError.self) { try LearningRateSchedule(peak: bad, decay: ConstantDecay()) }
            #expect(throws: OptimizerError.self) {
                try LearningRateSchedule(peak: 1, decay: ConstantDecay(), warmupEpochs: bad)
            }
            for decay in [
                CosineDecay(finalFraction: bad) as any LearningRateDecay, LinearDecay(finalFraction: bad),
                StepDecay(factor: bad),
                StepDecay(milestones: .fractions([0.5, bad])),
            ] {
                #expect(throws: OptimizerError.self) { try LearningRateSchedule(peak: 1, decay: decay) }
            }
        }
        #expect(throws: OptimizerError.self) {
            try LearningRateSchedule(peak: 1, decay: StepDecay(milestones: .everyEpochs(0)))
        }
        #expect(throws: OptimizerError.self) {
            try LearningRateSchedule(peak: 1, decay: CosineDecay(finalFraction: 1.5))
        }
    }
}
