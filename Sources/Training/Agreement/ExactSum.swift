/// Doubles as float32 values whose sum over ranks is exact, so that their sum keeps Double precision in a float32
/// buffer.
///
/// A high and a low part would not do: the sum of the high parts is rounded. Here a value x is a whole number of units
/// of 2⁻⁶⁴, written in ``digitCount`` signed digits of 13 bits, each in [−4096, 4096] and sent as one float. The sum of
/// a digit over up to ``maximumRanks`` ranks is at most 2²⁴, as is every partial sum in whatever order: float32 holds
/// them all exactly. So a value is rounded once, by at most 2⁻⁶⁵, and the sum once more, to a Double.
///
/// Values of 2³⁹ and more are sent as an infinity, NaN as NaN; the sum is then not finite either.
package enum ExactSum {
    package static let digitCount = 8
    /// 2²⁴ (floats count to there without a gap) over 4096 (the largest digit).
    package static let maximumRanks = 4096

    private static let digitBits: Int128 = 13
    private static let largestDigit: Int128 = 1 << (digitBits - 1)
    private static let unit = 0x1p-64
    private static let bound = 0x1p39

    /// Writes `value` to `digitCount` floats, the lowest digit first.
    package static func encode(_ value: Double, into digits: UnsafeMutablePointer<Float>) {
        guard value.magnitude < bound else {
            digits.update(repeating: 0, count: digitCount)
            digits[0] = value.isNaN ? .nan : value > 0 ? .infinity : -.infinity
            return
        }
        var rest = Int128((value / unit).rounded())
        for index in 0..<digitCount - 1 {
            let digit = ((rest + largestDigit) & (2 * largestDigit - 1)) - largestDigit
            digits[index] = Float(Int(digit))
            rest = (rest - digit) >> digitBits
        }
        digits[digitCount - 1] = Float(Int(rest))
    }

    /// The sum of the values whose digits were added up.
    package static func decode(_ digits: UnsafePointer<Float>) -> Double {
        guard digits[0].isFinite else { return Double(digits[0]) }
        var sum: Int128 = 0
        for index in (0..<digitCount).reversed() {
            // Nothing but broken memory or a broken network makes other floats than these.
            guard digits[index].magnitude <= 0x1p24, let digit = Int(exactly: digits[index]) else { return .nan }
            sum = (sum << digitBits) + Int128(digit)
        }
        return Double(sum) * unit
    }
}
