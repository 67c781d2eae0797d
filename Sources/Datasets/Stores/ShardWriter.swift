import Files
import Glibc

/// Packs the samples of a store into uncompressed tar files of about one size, in the order of their numbers, which
/// WebDataset and `tar` read: `CLASS/NAME.jpg` and `CLASS/NAME.cls`, its label.
///
/// The same samples give the same bytes. A shard that was finished by an earlier call is kept if it holds what it
/// should.
package struct ShardWriter {
    private let store: SampleStore
    private let folder: String
    private let split: String
    private let byteCount: Int
    private let buffer = ByteBuffer()
    private static let block = 512

    /// - Parameters:
    ///   - folder: that the shards are written into.
    ///   - split: their names' beginning, `train`.
    ///   - byteCount: of a shard, about.
    package init(_ store: SampleStore, to folder: String, split: String, byteCount: Int = 1 << 30) {
        (self.store, self.folder, self.split, self.byteCount) = (store, folder, split, byteCount)
    }

    /// Writes the shards and at last their index, after all were read back.
    ///
    /// - Parameter progress: called after each sample with how many are done.
    package func run(progress: (Int) -> Void = { _ in }) throws(DatasetError) -> SampleIndex {
        let index = store.index
        try requireKeys()
        let parts = parts()
        try refuseOthers(parts)
        var names: [String] = []
        var checksums: [UInt32] = []
        for (number, part) in parts.enumerated() {
            let name = name(ofShard: number)
            names.append(name)
            let path = "\(folder)/\(name)"
            let isThere = try isComplete(path, part)
            do throws(FileError) {
                if !isThere {
                    try FileSystem.replace(path) { sink throws(FileError) in
                        checksums += try write(part, to: sink, progress)
                    }
                }
            } catch { throw .file(error) }
            if isThere { checksums += try sums(part, progress) }
        }
        var written = try TarShards.index(names, in: folder, classes: index.classes, checksums: true)
        guard written.count == index.count, written.labels == index.labels, written.checksums == checksums else {
            throw .stated(
                "the shards \(folder)/\(split)-*.tar hold other samples than they should: remove them and pack again")
        }
        written.classes = index.classes
        try IndexFile.write(written, to: "\(folder)/\(split).index")
        return written
    }

    /// Throws where two samples would have one key, which ends at the first dot.
    private func requireKeys() throws(DatasetError) {
        var samples: [String: Int] = [:]
        for sample in 0..<store.index.count {
            let key = name(sample).key
            if let other = samples.updateValue(sample, forKey: key) {
                throw .stated(
                    "\(store.path(of: other)) and \(store.path(of: sample)) would both be \(key) in a shard: rename one"
                )
            }
        }
    }

    private func name(ofShard number: Int) -> String {
        let digits = String(number)
        return "\(split)-\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits).tar"
    }

    /// Throws where the folder holds shards that are none of these: they would be lost, or taken with them.
    private func refuseOthers(_ parts: [Range<Int>]) throws(DatasetError) {
        let own = Dictionary(uniqueKeysWithValues: parts.enumerated().map { (name(ofShard: $0), $1) })
        for shard in ImageFolders.shards([split], in: folder) {
            if let part = own[shard], try isComplete("\(folder)/\(shard)", part) { continue }
            throw .stated(
                "\(folder)/\(shard) is there and holds something else than this pack's: name another folder, or remove "
                    + "the old shards")
        }
    }

    /// Samples of each shard.
    private func parts() -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var (first, bytes) = (0, 0)
        for sample in 0..<store.index.count {
            let own = memberBytes(sample)
            if bytes > 0, bytes + own > byteCount {
                parts.append(first..<sample)
                (first, bytes) = (sample, 0)
            }
            bytes += own
        }
        return parts + [first..<store.index.count]
    }

    private func memberBytes(_ sample: Int) -> Int {
        let (image, label) = (name(sample), label(sample))
        return Self.headerBytes(image.path) + Self.padded(store.index.byteCount(of: sample))
            + Self.headerBytes(image.key + ".cls") + Self.padded(label.utf8.count)
    }

    private func label(_ sample: Int) -> String { "\(store.index.label(of: sample))" }

    /// `CLASS/STEM` without dots, which end a key, and the path with its suffix.
    private func name(_ sample: Int) -> (key: String, path: String) {
        let name = store.index.name(of: sample).split(separator: "/").last.map(String.init) ?? ""
        let dot = name.lastIndex(of: ".") ?? name.endIndex
        let stem = String(name[..<dot].map { $0 == "." ? "_" : $0 })
        let suffix = dot == name.endIndex ? "jpg" : name[name.index(after: dot)...].lowercased()
        let label = store.index.classes[Int(store.index.label(of: sample))]
        let key = "\(String(label.map { $0 == "." ? "_" : $0 }))/\(stem)"
        return (key, "\(key).\(suffix == "png" ? "png" : "jpg")")
    }

    private func isComplete(_ path: String, _ part: Range<Int>) throws(DatasetError) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else { return false }
        return status.st_size == part.reduce(0) { $0 + memberBytes($1) } + 2 * Self.block
    }

    private func sums(_ part: Range<Int>, _ progress: (Int) -> Void) throws(DatasetError) -> [UInt32] {
        var sums: [UInt32] = []
        for sample in part {
            try store.read(sample, into: buffer)
            sums.append(Checksum.crc32(buffer.bytes))
            progress(sample + 1)
        }
        return sums
    }

    private func write(
        _ part: Range<Int>, to sink: any ByteSink, _ progress: (Int) -> Void
    ) throws(FileError) -> [UInt32] {
        var sums: [UInt32] = []
        for sample in part {
            do throws(DatasetError) { try store.read(sample, into: buffer) } catch {
                throw FileError("pack", store.path(of: sample), code: EINVAL, reason: "\(error)")
            }
            sums.append(Checksum.crc32(buffer.bytes))
            let (key, path) = name(sample)
            try sink.write(Self.header(path, buffer.count)[...])
            try sink.write(buffer.bytes)
            try sink.write(Self.padding(buffer.count)[...])
            let label = Array(label(sample).utf8)
            try sink.write((Self.header("\(key).cls", label.count) + label + Self.padding(label.count))[...])
            progress(sample + 1)
        }
        try sink.write([UInt8](repeating: 0, count: 2 * Self.block)[...])
        return sums
    }

    /// Zeros up to the next block.
    private static func padding(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: padded(count) - count) }

    private static func padded(_ count: Int) -> Int { (count + block - 1) / block * block }

    private static func headerBytes(_ path: String) -> Int {
        path.utf8.count <= 100 ? block : 2 * block + padded(path.utf8.count + 1)
    }

    /// A ustar header of a file that anybody may read, without owner and time; before it GNU's of a name that is too
    /// long for one.
    private static func header(_ path: String, _ byteCount: Int) -> [UInt8] {
        let name = Array(path.utf8)
        guard name.count > 100 else { return block(name, byteCount, kind: "0") }
        var long = block(Array("././@LongLink".utf8), name.count + 1, kind: "L") + name
        long += [UInt8](repeating: 0, count: padded(name.count + 1) - name.count)
        return long + block(Array(name.prefix(100)), byteCount, kind: "0")
    }

    private static func block(_ name: [UInt8], _ byteCount: Int, kind: Character) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: block)
        func put(_ text: String, at place: Int) {
            let bytes = Array(text.utf8)
            header.replaceSubrange(place..<place + bytes.count, with: bytes)
        }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        header.replaceSubrange(0..<name.count, with: name)
        put(octal(0o644, 7), at: 100)
        put(octal(0, 7), at: 108)
        put(octal(0, 7), at: 116)
        put(octal(byteCount, 11), at: 124)
        put(octal(0, 11), at: 136)
        put("        ", at: 148)
        put(String(kind), at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6), at: 148)
        header[154] = 0
        return header
    }
}
