import Vectors

/// In which order an epoch takes the samples.
package enum SampleOrder: Sendable, Hashable {
    /// Any sample at any place: ``KeyedPermutation``.
    case keyed
    /// Nearby samples at nearby places: ``WindowedOrder``, with about so many samples in a window.
    case windowed(Int)
}

/// An order for disks that read in sequence: blocks of samples that lie together are shuffled, and the samples of each
/// window of blocks among themselves. While one window is read the next one's blocks can be fetched as wholes.
///
/// A pure function of (count, window, seed, epoch, position), as ``KeyedPermutation`` is: every sample comes once an
/// epoch, on any number of ranks and after a restart. Two samples of one block are never further apart than a window.
package struct WindowedOrder: Sendable {
    package let count: Int
    private let blockSize: Int
    /// Blocks in the epoch's order.
    private let blocks: [Int]
    /// Places at which windows begin, and the end.
    private let starts: [Int]
    private let seed: UInt64
    private let epoch: Int

    /// Blocks in a window: enough that a batch mixes many parts of the data.
    static let blocksPerWindow = 64

    /// - Parameter window: samples in a window, about: a multiple of 64 is taken, 64 at least.
    package init(count: Int, window: Int, seed: UInt64, epoch: Int) {
        precondition(count > 0 && window > 0, "windows of \(window) of \(count) samples")
        (self.count, self.seed, self.epoch) = (count, seed, epoch)
        blockSize = max(window / Self.blocksPerWindow, 1)
        let blockCount = (count + blockSize - 1) / blockSize
        let order = KeyedPermutation(count: blockCount, seed: seed, epoch: epoch)
        blocks = (0..<blockCount).map { order[$0] }
        var starts = [0]
        for first in stride(from: 0, to: blockCount, by: Self.blocksPerWindow) {
            var end = starts[starts.count - 1]
            for place in first..<min(first + Self.blocksPerWindow, blockCount) {
                end += min(blockSize, count - blocks[place] * blockSize)
            }
            starts.append(end)
        }
        self.starts = starts
    }

    /// The sample at a position.
    package subscript(position: Int) -> Int {
        precondition(position >= 0 && position < count, "position \(position) of \(count)")
        let window = self.window(of: position)
        let size = starts[window + 1] - starts[window]
        // Windows are shuffled by keys of their own.
        let inner = KeyedPermutation(
            count: size, seed: seed &+ 0x9E37_79B9_7F4A_7C15 &* UInt64(window + 1), epoch: epoch)
        var place = inner[position - starts[window]]
        for block in blocks[window * Self.blocksPerWindow..<min((window + 1) * Self.blocksPerWindow, blocks.count)] {
            let samples = min(blockSize, count - block * blockSize)
            if place < samples { return block * blockSize + place }
            place -= samples
        }
        preconditionFailure("a window of \(size) samples has no place \(place)")
    }

    package func window(of position: Int) -> Int {
        var (low, high) = (0, starts.count - 1)
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= position { low = middle } else { high = middle }
        }
        return low
    }

    /// Ranges of samples that a window's blocks hold; none beyond the last window.
    package func ranges(ofWindow window: Int) -> [Range<Int>] {
        guard window < starts.count - 1 else { return [] }
        return blocks[window * Self.blocksPerWindow..<min((window + 1) * Self.blocksPerWindow, blocks.count)].map {
            $0 * blockSize..<min(($0 + 1) * blockSize, count)
        }
    }
}

/// One epoch's order.
package enum EpochOrder: Sendable {
    case keyed(KeyedPermutation)
    case windowed(WindowedOrder)

    package subscript(position: Int) -> Int {
        switch self {
        case .keyed(let order): order[position]
        case .windowed(let order): order[position]
        }
    }
}
