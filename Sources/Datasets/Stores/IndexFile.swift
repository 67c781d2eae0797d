import Files
import Vectors

/// A ``SampleIndex`` as a file: `train.index` beside the data, and what rank 0 sends to the others.
///
/// Little-endian: the mark `CRSAMIDX`, version, whether samples lie in shards, counts; then names of classes and
/// places, a line each; then a column for each property; at last a fingerprint of all before it.
package enum IndexFile {
    private static let mark = Array("CRSAMIDX".utf8)
    private static let version: UInt32 = 1
    private static let headerBytes = 48
    private static let mostSamples = 1 << 28

    package static func bytes(of index: SampleIndex) -> [UInt8] {
        var table = Array((index.classes + index.places).map { "\($0)\n" }.joined().utf8)
        table += [UInt8](repeating: UInt8(ascii: "\n"), count: padding(table.count))
        var bytes = mark
        func add<Value>(_ values: [Value]) { values.withUnsafeBytes { bytes += $0 } }
        add([version, index.isSharded ? 1 : 0])
        add([UInt64(index.count), UInt64(index.names.count)])
        add([UInt32(table.count), UInt32(index.classes.count), UInt32(index.places.count), 0])
        bytes += table
        add(index.offsets)
        add(index.byteCounts)
        add(index.checksums)
        add(index.nameEnds)
        add(index.placeOf)
        add(index.labels)
        bytes += index.names
        // The fingerprint is of whole words.
        bytes += [UInt8](repeating: 0, count: padding(bytes.count))
        let hash = bytes.withUnsafeBytes { Kernels.fingerprint(of: $0) }
        add([hash])
        return bytes
    }

    package static func write(_ index: SampleIndex, to path: String) throws(DatasetError) {
        let bytes = bytes(of: index)
        do throws(FileError) {
            try FileSystem.replace(path) { sink throws(FileError) in try sink.write(bytes[...]) }
        } catch { throw .file(error) }
    }

    /// Bytes up to the next whole word.
    private static func padding(_ count: Int) -> Int { (4 - count % 4) % 4 }

    /// The file's bytes, as they are.
    package static func read(_ path: String) throws(DatasetError) -> [UInt8] {
        do throws(FileError) {
            let file = try InputFile(path)
            return try file.bytes(at: 0, count: file.byteCount)
        } catch { throw .file(error) }
    }

    /// - Parameter path: that the bytes came from, for messages.
    package static func index(_ bytes: [UInt8], from path: String) throws(DatasetError) -> SampleIndex {
        let remedy = "make it again (crsam-dist data index)"
        guard bytes.count >= headerBytes + 8, Array(bytes[..<8]) == mark else {
            throw .stated("\(path) is no index of samples, or was cut short: \(remedy)")
        }
        var reader = ByteReader(bytes: bytes, at: 8)
        let format = reader.values(2, of: UInt32.self)
        guard format[0] == version else {
            throw .stated("\(path) is an index of version \(format[0]), this program reads \(version): \(remedy)")
        }
        let sizes = reader.values(2, of: UInt64.self).map { Int(clamping: $0) }
        let (count, nameBytes) = (sizes[0], sizes[1])
        let tables = reader.values(4, of: UInt32.self).map { Int($0) }
        let isSharded = format[1] == 1
        guard (1...mostSamples).contains(count), nameBytes < 1 << 32, tables[1] <= SampleIndex.mostClasses,
            tables[2] <= SampleIndex.mostPlaces,
            case let content = headerBytes + tables[0] + count * (isSharded ? 24 : 16) + nameBytes,
            bytes.count == content + padding(content) + 8
        else { throw .stated("\(path) has another size than its header says: \(remedy)") }
        let hash = bytes.withUnsafeBytes { Kernels.fingerprint(of: UnsafeRawBufferPointer(rebasing: $0.dropLast(8))) }
        let kept = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self) }
        guard hash == kept else { throw .stated("\(path) is damaged: \(remedy)") }
        let lines = reader.text(tables[0]).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count > tables[1] + tables[2] else { throw .stated("\(path) lacks names: \(remedy)") }
        var index = SampleIndex(classes: lines.prefix(tables[1]).map(String.init), isSharded: isSharded)
        for place in lines.dropFirst(tables[1]).prefix(tables[2]) { _ = try index.addPlace(String(place)) }
        if isSharded { index.offsets = reader.values(count, of: UInt64.self) }
        index.byteCounts = reader.values(count, of: UInt32.self)
        index.checksums = reader.values(count, of: UInt32.self)
        index.nameEnds = reader.values(count, of: UInt32.self)
        index.placeOf = reader.values(count, of: UInt16.self)
        index.labels = reader.values(count, of: UInt16.self)
        index.names = Array(bytes[reader.at..<reader.at + nameBytes])
        if let problem = problem(index) { throw .stated("\(path) \(problem): \(remedy)") }
        return index
    }

    /// What a whole file of the right form can still say that is not so.
    private static func problem(_ index: SampleIndex) -> String? {
        let isOutside = { (name: String) in
            name.hasPrefix("/") || name.split(separator: "/").contains("..") || name.utf8.contains(0)
        }
        if index.places.contains(where: isOutside) { return "names a place outside of its folder" }
        if index.names.contains(0) || !index.isSharded && index.names.contains(UInt8(ascii: "/")) {
            return "holds a name that no file has"
        }
        let (places, classes) = (index.places.count, index.classes.count)
        var end: UInt32 = 0
        for sample in 0..<index.count {
            guard index.placeOf[sample] < places, index.labels[sample] < classes else {
                return "has a sample of a class or place that there is not"
            }
            guard index.nameEnds[sample] > end, index.nameEnds[sample] <= index.names.count else {
                return "has names that overlap"
            }
            guard index.byteCounts[sample] > 0, index.byteCounts[sample] <= SampleStore.mostBytes,
                !index.isSharded || index.offsets[sample] < 1 << 56
            else { return "has a sample of an impossible size or place" }
            end = index.nameEnds[sample]
        }
        return nil
    }
}

/// Numbers one after another; the caller has compared the sizes.
private struct ByteReader {
    let bytes: [UInt8]
    var at: Int

    mutating func values<Value: FixedWidthInteger>(_ count: Int, of type: Value.Type) -> [Value] {
        let size = MemoryLayout<Value>.size * count
        defer { at += size }
        return [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
            bytes.withUnsafeBytes { source in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: source[at..<at + size]))
            }
            initialized = count
        }
    }

    mutating func text(_ count: Int) -> String {
        defer { at += count }
        return String(decoding: bytes[at..<at + count], as: UTF8.self)
    }
}
