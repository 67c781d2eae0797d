/// A sum of Doubles that does not depend on their order: each is rounded once to a multiple of 2⁻⁶⁴, and
/// multiples are added exactly, first in one process, then over up to 8192 of them.
///
/// On its way it is two whole numbers of 64 bits, 16 bytes. Values from 2³⁵ on in magnitude, and sums from there on,
/// have no place; ``isSound`` says so.
package struct ExactTotal: Sendable, Equatable {
    private var units: Int128 = 0
    /// Whether every value was finite and in range.
    package private(set) var isSound = true

    private static let unit = 0x1p-64
    private static let bound = 0x1p35
    /// Of the lower number on its way: 13 bits are left for the sum over processes.
    private static let lowBits: Int128 = 50

    package init() {}

    package static func += (total: inout ExactTotal, value: Double) {
        guard value.magnitude < bound else {
            total.isSound = false
            return
        }
        total.units += Int128((value / unit).rounded())
        if total.value.magnitude >= bound { total.isSound = false }
    }

    package var value: Double { isSound ? Double(units) * Self.unit : .nan }

    /// The sums over all processes, one message of 16 bytes a total. Unsound where one of any process's is.
    package static func addUp(_ totals: [ExactTotal], _ processes: any ProcessSums) throws -> [ExactTotal] {
        var words = totals.flatMap { total -> [Int64] in
            // No sum of sound ones comes near it.
            guard total.isSound else { return [0, Int64.max >> 13] }
            let low = total.units & ((1 << lowBits) - 1)
            return [Int64(low), Int64((total.units - low) >> lowBits)]
        }
        try words.withUnsafeMutableBufferPointer { try processes.add($0) }
        return totals.indices.map { index in
            var total = ExactTotal()
            total.units = Int128(words[2 * index + 1]) << lowBits + Int128(words[2 * index])
            total.isSound = (Double(total.units) * unit).magnitude < bound
            return total
        }
    }
}
