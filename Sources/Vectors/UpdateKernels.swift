import CKernels

/// The optimizers' updates: one pass over weights, gradient and state, in place, bitwise identical on every processor.
extension FlatVector {
    /// One step of SGD on these weights as PyTorch computes it (dampening 0).
    ///
    /// g ← gradient + λw; m ← first step ? g : μm + g; w ← w − η·(Nesterov ? g + μm : m).
    /// - Parameters:
    ///   - momentum: the buffer m, or nil where the momentum factor μ is 0.
    ///   - isFirstStep: m is overwritten with g, whatever it holds.
    package func updateBySGD(
        gradient: FlatVector, momentum: FlatVector?, learningRate: Float, momentumFactor: Float, weightDecay: Float,
        nesterov: Bool, isFirstStep: Bool, in range: Range<Int>
    ) {
        precondition(count == gradient.count && range.lowerBound >= 0 && range.upperBound <= count)
        precondition(momentumFactor == 0 || momentum?.count == count)
        cvk_sgd(
            pointer + range.lowerBound, gradient.pointer + range.lowerBound,
            momentum.map { $0.pointer + range.lowerBound }, learningRate, momentumFactor, weightDecay,
            nesterov ? 1 : 0, isFirstStep ? 1 : 0, range.count)
    }

    /// One step of AdamW on these weights as PyTorch computes it; bias corrections are the caller's.
    ///
    /// w ← w·retention; m ← m + (1 − β₁)(g − m); v ← β₂v + (1 − β₂)g²;
    /// w ← w − stepSize·m/(√v/secondMomentCorrection + ε).
    package func updateByAdamW(
        gradient: FlatVector, firstMoment: FlatVector, secondMoment: FlatVector, retention: Float,
        oneMinusBeta1: Float, beta2: Float, oneMinusBeta2: Float, stepSize: Float, secondMomentCorrection: Float,
        epsilon: Float, in range: Range<Int>
    ) {
        precondition(count == gradient.count && count == firstMoment.count && count == secondMoment.count)
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        cvk_adamw(
            pointer + range.lowerBound, gradient.pointer + range.lowerBound, firstMoment.pointer + range.lowerBound,
            secondMoment.pointer + range.lowerBound, retention, oneMinusBeta1, beta2, oneMinusBeta2, stepSize,
            secondMomentCorrection, epsilon, range.count)
    }

    /// One step of an exponential moving average: self ← d·self + (1 − d)·values, 1 − d taken in Double.
    package func average(_ values: FlatVector, decay: Double) {
        precondition(count == values.count)
        cvk_average(pointer, Float(decay), values.pointer, Float(1 - decay), count)
    }

    /// Sets this vector to Adam's step, with decay, and updates the moments it is made of.
    ///
    /// g = scale·gradient; m ← m + (1 − β₁)(g − m); v ← β₂v + (1 − β₂)g²;
    /// self = m/firstMomentCorrection / (√v/secondMomentCorrection + ε) + λw.
    package func setToAdamDirection(
        gradient: FlatVector, scale: Float, weights: FlatVector, firstMoment: FlatVector, secondMoment: FlatVector,
        oneMinusBeta1: Float, beta2: Float, oneMinusBeta2: Float, firstMomentCorrection: Float,
        secondMomentCorrection: Float, epsilon: Float, weightDecay: Float, in range: Range<Int>
    ) {
        precondition(count == gradient.count && count == firstMoment.count && count == secondMoment.count)
        precondition(count == weights.count && range.lowerBound >= 0 && range.upperBound <= count)
        cvk_adam_direction(
            pointer + range.lowerBound, gradient.pointer + range.lowerBound, scale, weights.pointer + range.lowerBound,
            firstMoment.pointer + range.lowerBound, secondMoment.pointer + range.lowerBound, oneMinusBeta1, beta2,
            oneMinusBeta2, firstMomentCorrection, secondMomentCorrection, epsilon, weightDecay, range.count)
    }
}
