/// A range of the arena. Its offset is known once the whole plan is: buffers whose uses do not overlap share memory.
package final class ArenaBuffer {
    let byteCount: Int
    /// Instructions that touch it, first and last.
    var firstUse = Int.max
    var lastUse = Int.min
    package internal(set) var offset = -1

    init(byteCount: Int) { self.byteCount = byteCount }
}

/// Where an operand's memory is. Everything outside the arena is bound anew for each pass.
package enum Location {
    case arena(ArenaBuffer)
    /// Floats from the start of the weights or the running statistics.
    case parameters(Int)
    case statistics(Int)
    /// The batch's pixels.
    case input
}

/// A tensor in memory, as an argument of an instruction.
package struct Operand {
    package let layout: DataLayout
    package let location: Location

    package init(layout: DataLayout, location: Location) {
        self.layout = layout
        self.location = location
    }

    /// The same memory seen with another layout.
    package func viewed(as layout: DataLayout) -> Operand { Operand(layout: layout, location: location) }
}
