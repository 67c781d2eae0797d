import Optimizers

extension ScheduleEntry {
    static let inverseRoot = ScheduleEntry("inverse-root", InverseRootDecay(), warmupDivisor: nil)
}

/// 1/√(t + 1) at step t, counted from 0.
struct InverseRootDecay: LearningRateDecay {
    func factor(_ position: SchedulePosition) -> Double { 1 / Double(position.step + 1).squareRoot() }
}
