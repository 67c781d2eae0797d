import Glibc

/// What a stream of random numbers is for: streams of different purposes never overlap.
package enum RandomPurpose: UInt32, Sendable {
    case initialWeights = 1
    case epochOrder = 2
    case augmentation = 3
    case dropout = 4
    case syntheticData = 5
    case probe = 6
    case test = 7
    case mixing = 8
}

/// A counter-based random stream: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
/// 1, 2, 3", SC 2011).
///
/// The numbers depend on (seed, purpose, epoch, index) alone, so they are the same on any rank, thread or restart.
/// A stream holds 2³² blocks of 128 bits.
package struct RandomStream: RandomNumberGenerator, Sendable {
    private let key: SIMD2<UInt32>
    private var counter: SIMD4<UInt32>
    private var block = SIMD4<UInt32>()
    private var used = 4
    /// The second of the last two normal numbers.
    private var spareNormal: Float?

    /// - Parameters:
    ///   - epoch: the epoch or step that the numbers belong to; the low 24 bits count.
    ///   - index: the sample or tensor that they belong to; the low 40 bits count.
    package init(seed: UInt64, purpose: RandomPurpose, epoch: Int = 0, index: Int = 0) {
        let sample = UInt64(truncatingIfNeeded: index)
        key = [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)]
        counter = [
            0, UInt32(truncatingIfNeeded: sample),
            UInt32(truncatingIfNeeded: epoch) << 8 | UInt32(truncatingIfNeeded: sample >> 32) & 0xFF,
            purpose.rawValue,
        ]
    }

    package mutating func next() -> UInt64 {
        let low = nextWord()
        return UInt64(nextWord()) << 32 | UInt64(low)
    }

    package mutating func nextWord() -> UInt32 {
        if used == 4 {
            block = Self.philox(counter: counter, key: key)
            counter[0] &+= 1
            used = 0
        }
        used += 1
        // A constant place in a register is far cheaper than a variable one.
        switch used {
        case 1: return block[0]
        case 2: return block[1]
        case 3: return block[2]
        default: return block[3]
        }
    }

    /// Uniform on [0, 1) with 24 bits.
    package mutating func uniform() -> Float { Float(nextWord() >> 8) * 0x1p-24 }

    /// Uniform on 0 ..< bound without bias (Lemire 2019). `bound` must be positive.
    package mutating func integer(below bound: Int) -> Int {
        precondition(bound > 0 && bound <= Int(UInt32.max))
        let range = UInt32(bound)
        while true {
            let product = UInt64(nextWord()) * UInt64(range)
            if UInt32(truncatingIfNeeded: product) >= (0 &- range) % range { return Int(product >> 32) }
        }
    }

    /// Standard normal, by Box and Muller's transform in Double, which makes two of two words.
    package mutating func normal() -> Float {
        if let spare = spareNormal {
            spareNormal = nil
            return spare
        }
        let radius = (-2 * log((Double(nextWord()) + 1) * 0x1p-32)).squareRoot()
        let angle = 2 * Double.pi * Double(nextWord()) * 0x1p-32
        spareNormal = Float(radius * sin(angle))
        return Float(radius * cos(angle))
    }

    /// Ten rounds of Philox on one counter.
    package static func philox(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var (a, b, c, d) = (counter[0], counter[1], counter[2], counter[3])
        var (low, high) = (key[0], key[1])
        for _ in 0..<10 {
            let first = UInt64(0xD251_1F53) &* UInt64(a)
            let second = UInt64(0xCD9E_8D57) &* UInt64(c)
            (a, b, c, d) = (
                UInt32(truncatingIfNeeded: second >> 32) ^ b ^ low, UInt32(truncatingIfNeeded: second),
                UInt32(truncatingIfNeeded: first >> 32) ^ d ^ high, UInt32(truncatingIfNeeded: first)
            )
            low &+= 0x9E37_79B9
            high &+= 0xBB67_AE85
        }
        return [a, b, c, d]
    }
}
