import Files
import Glibc
import Synchronization

/// The encoded samples of an index, read in place: each file of a folder is opened when it is needed, shards are opened
/// once. Several threads may read at once.
package final class SampleStore: Sendable {
    package let index: SampleIndex
    /// That the index's places are relative to.
    package let folder: String
    private let shards: [InputFile]
    /// Opens a file; another one in tests.
    private let open: @Sendable (String) throws(FileError) -> InputFile

    /// Of an encoded image: more is no photograph.
    package static let mostBytes = 1 << 28
    /// How often an error that may pass is tried again, and how long is waited before, doubled each time.
    private static let attempts = 4
    private static let firstWait: UInt32 = 50_000

    package init(
        _ index: SampleIndex, in folder: String,
        open: @escaping @Sendable (String) throws(FileError) -> InputFile = { path throws(FileError) in
            try InputFile(path)
        }
    ) throws(DatasetError) {
        self.index = index
        self.folder = folder
        self.open = open
        var shards: [InputFile] = []
        if index.isSharded {
            do throws(FileError) {
                for place in index.places { shards.append(try open("\(folder)/\(place)")) }
            } catch { throw .file(error) }
        }
        for sample in 0..<(index.isSharded ? index.count : 0) {
            let shard = shards[index.place(of: sample)]
            guard index.offset(of: sample) + index.byteCount(of: sample) <= shard.byteCount else {
                throw .stated(
                    "\(shard.path) has \(shard.byteCount) bytes, fewer than when it was indexed: copy it again, or "
                        + "make the index again (crsam-dist data index)")
            }
        }
        self.shards = shards
    }

    package func path(of sample: Int) -> String {
        let place = index.places[index.place(of: sample)]
        return index.isSharded
            ? "\(folder)/\(place) (\(index.name(of: sample)))" : "\(folder)/\(index.path(of: sample))"
    }

    /// Reads a sample's bytes. What may pass (an error of a file server) is tried again, within a second.
    package func read(_ sample: Int, into buffer: ByteBuffer) throws(DatasetError) {
        var wait = Self.firstWait
        for attempt in 1...Self.attempts {
            do throws(FileError) {
                try readOnce(sample, into: buffer)
                return
            } catch {
                guard [EIO, ESTALE, EAGAIN, ETIMEDOUT, EREMOTEIO].contains(error.code), attempt < Self.attempts else {
                    throw .file(error)
                }
                usleep(wait)
                wait *= 2
            }
        }
    }

    /// Asks the system to fetch samples that lie together in a shard; of files in folders there is nothing to ask for.
    package func willNeed(_ samples: Range<Int>) {
        guard index.isSharded, let first = samples.first, let last = samples.last else { return }
        for place in index.place(of: first)...max(index.place(of: first), index.place(of: last)) {
            let isFirst = place == index.place(of: first)
            let isLast = place == index.place(of: last)
            let start = isFirst ? index.offset(of: first) : 0
            let end = isLast ? index.offset(of: last) + index.byteCount(of: last) : shards[place].byteCount
            shards[place].willNeed(start..<max(start, end))
        }
    }

    private func readOnce(_ sample: Int, into buffer: ByteBuffer) throws(FileError) {
        let count = index.byteCount(of: sample)
        if index.isSharded {
            return try shards[index.place(of: sample)].read(buffer.resize(to: count), at: index.offset(of: sample))
        }
        let path = path(of: sample)
        let file = try open(path)
        guard file.byteCount == count else {
            throw FileError(
                "read", path, code: EINVAL,
                reason: "it has \(file.byteCount) bytes, \(count) when it was indexed: it was replaced; make the index "
                    + "again (crsam-dist data index)")
        }
        try file.read(buffer.resize(to: count), at: 0)
    }
}
