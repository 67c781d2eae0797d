import Vectors

/// Where each encoded sample of a data set lies, and its label: small enough for every rank's memory.
///
/// 24 bytes a sample and its file's name; 1.28 million of ImageNet take 55 MB. Samples are numbered by their place
/// here.
package struct SampleIndex: Sendable, Equatable {
    /// Names of the classes; labels are places in it.
    package var classes: [String]
    /// What precedes the names: folders, or shards, relative to the data set's folder.
    package private(set) var places: [String] = []
    /// Whether places are tar files, at whose offsets the samples lie, or folders of files.
    package let isSharded: Bool

    var placeOf: [UInt16] = []
    var labels: [UInt16] = []
    var byteCounts: [UInt32] = []
    /// CRC-32 of the bytes; 0 where it was not computed.
    var checksums: [UInt32] = []
    /// In the shard; empty where samples are files.
    var offsets: [UInt64] = []
    /// UTF-8, one after another.
    var names: [UInt8] = []
    /// Where each name ends.
    var nameEnds: [UInt32] = []

    package static let mostClasses = 1 << 16
    package static let mostPlaces = 1 << 16

    package init(classes: [String], isSharded: Bool) {
        self.classes = classes
        self.isSharded = isSharded
    }

    package var count: Int { labels.count }

    package func label(of sample: Int) -> Int32 { Int32(labels[sample]) }
    package func byteCount(of sample: Int) -> Int { Int(byteCounts[sample]) }
    package func checksum(of sample: Int) -> UInt32 { checksums[sample] }
    package func offset(of sample: Int) -> Int { isSharded ? Int(offsets[sample]) : 0 }
    package func place(of sample: Int) -> Int { Int(placeOf[sample]) }

    /// Without its place.
    package func name(of sample: Int) -> String {
        let start = sample == 0 ? 0 : Int(nameEnds[sample - 1])
        return String(decoding: names[start..<Int(nameEnds[sample])], as: UTF8.self)
    }

    /// For people and for `open`: place and name, relative to the data set's folder.
    package func path(of sample: Int) -> String {
        let place = places[place(of: sample)]
        return place.isEmpty ? name(of: sample) : "\(place)/\(name(of: sample))"
    }

    /// Of all but the checksums, which are not always there.
    package var fingerprint: UInt64 {
        var hash = Array(classes.joined(separator: "\n").utf8).withUnsafeBytes { Kernels.fingerprint(of: $0) }
        hash = labels.withUnsafeBytes { Kernels.fingerprint(of: $0, seed: hash) }
        hash = byteCounts.withUnsafeBytes { Kernels.fingerprint(of: $0, seed: hash) }
        return names.withUnsafeBytes { Kernels.fingerprint(of: $0, seed: hash) }
    }

    package mutating func addPlace(_ name: String) throws(DatasetError) -> Int {
        // An index and messages have them on lines.
        guard !name.unicodeScalars.contains(where: { $0.value < 32 }) else {
            throw .stated("the folder or shard \(name.debugDescription) has a control character in its name: rename it")
        }
        guard places.count < Self.mostPlaces else {
            throw .stated("more than \(Self.mostPlaces) folders or shards: pack them into fewer (crsam-dist data pack)")
        }
        places.append(name)
        return places.count - 1
    }

    package mutating func append(
        place: Int, name: String, label: Int, byteCount: Int, offset: Int = 0, checksum: UInt32 = 0
    ) throws(DatasetError) {
        let bytes = Array(name.utf8)
        guard byteCount > 0, byteCount <= SampleStore.mostBytes else {
            throw .stated(
                "\(places[place])/\(name) has \(byteCount) bytes, an image has from 1 to \(SampleStore.mostBytes): "
                    + "replace or remove it")
        }
        guard names.count + bytes.count <= Int(UInt32.max) else { throw .stated("more names than 4 GiB") }
        placeOf.append(UInt16(place))
        labels.append(UInt16(label))
        byteCounts.append(UInt32(byteCount))
        checksums.append(checksum)
        if isSharded { offsets.append(UInt64(offset)) }
        names += bytes
        nameEnds.append(UInt32(names.count))
    }

    package mutating func setChecksum(_ checksum: UInt32, of sample: Int) { checksums[sample] = checksum }

    /// Samples of each class.
    package var classCounts: [Int] {
        labels.reduce(into: [Int](repeating: 0, count: classes.count)) { $0[Int($1)] += 1 }
    }

    /// For people: how many of what, and what a wrong label file would show in.
    package var summary: String {
        let counts = classCounts
        let range = "\(counts.min() ?? 0) to \(counts.max() ?? 0)"
        return "\(count) images in \(classes.count) classes (\(classes.first ?? "") … \(classes.last ?? "")), "
            + "\(counts.min() == counts.max() ? "\(counts.max() ?? 0)" : range) a class"
    }

    /// Whether nothing is known of the classes but their numbers.
    package var hasNumberedClasses: Bool { classes == classes.indices.map(String.init) }

    /// The same samples with labels counted in the classes of another set, of which these are all or some.
    ///
    /// - Parameter folder: the data set's, for the message.
    package func relabelled(as wanted: [String], in folder: String) throws(DatasetError) -> SampleIndex {
        var places: [String: Int] = [:]
        for (label, name) in wanted.enumerated() { places[name] = label }
        var mapping: [UInt16] = []
        for name in classes {
            guard let label = places[name] else {
                throw .stated(
                    "\(folder): class \(name) is not one of the \(wanted.count) that the model was trained on "
                        + "(\(wanted.first ?? "") … \(wanted.last ?? "")): its labels would mean nothing")
            }
            mapping.append(UInt16(label))
        }
        var result = self
        result.labels = labels.map { mapping[Int($0)] }
        result.classes = wanted
        return result
    }
}
