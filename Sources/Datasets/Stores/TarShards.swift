import Files

/// Makes an index of samples in uncompressed tar files by WebDataset's conventions, reading headers only.
///
/// What would lose samples without a word is an error: a shard that is empty or lacks the zeros at its end, links and
/// sparse files in it, a number that lacks among the shards' names, a key that comes twice, labels that do not begin at
/// 0.
///
/// A sample's key is its member's path up to the first dot of the last name; what follows, in lower case, says what the
/// member is: jpg, jpeg or png is the image, cls its label in decimal digits. Members of one key stand together. Other
/// members (json, txt) are passed over, names that begin with a dot or `__` too. Headers may be of the ustar, GNU (long
/// names) or pax form.
package struct TarShards {
    private static let block = 512
    private static let mostNameBytes = 1 << 16
    private static let imageSuffixes: Set<String> = ["jpg", "jpeg", "png"]

    /// - Parameters:
    ///   - names: of the shards, in order, relative to the folder.
    ///   - classes: their names; nil where only the numbers in the shards are known.
    ///   - checksums: reads the images too, and computes theirs.
    package static func index(
        _ names: [String], in folder: String, classes: [String]?, checksums: Bool = false
    ) throws(DatasetError) -> SampleIndex {
        try requireAllNumbers(names, in: folder)
        var seen: Set<String> = []
        var samples: [(place: Int, name: String, label: Int, offset: Int, byteCount: Int, checksum: UInt32)] = []
        for (place, name) in names.enumerated() {
            var shard = try TarReader("\(folder)/\(name)")
            var current: (key: String, image: TarReader.Member?, label: Int?)?
            func close() throws(DatasetError) {
                guard let sample = current, let image = sample.image else { return }
                guard let label = sample.label else {
                    throw .stated("\(folder)/\(name): \(image.name) has no .cls beside it: sort the shard by name")
                }
                let checksum = checksums ? try shard.checksum(of: image) : 0
                samples.append((place, image.name, label, image.offset, image.byteCount, checksum))
            }
            let before = samples.count
            while let member = try shard.next() {
                guard let (key, suffix) = split(member.name) else { continue }
                if current?.key != key {
                    try close()
                    guard seen.insert(key).inserted else {
                        throw .stated(
                            "\(folder)/\(name): \(key) comes twice: sort each shard by name, and give "
                                + "each sample a key of its own")
                    }
                    current = (key, nil, nil)
                }
                if imageSuffixes.contains(suffix) {
                    guard current?.image == nil else {
                        throw .stated("\(folder)/\(name): \(key) has two images: give each a key of its own")
                    }
                    current?.image = member
                } else if suffix == "cls" {
                    current?.label = try shard.label(member)
                }
            }
            try close()
            guard samples.count > before else { throw .stated("\(folder)/\(name) holds no images with labels") }
        }
        let most = samples.map(\.label).max() ?? 0
        guard !samples.isEmpty else { throw .stated("the shards in \(folder) hold no images with labels") }
        guard classes != nil || samples.contains(where: { $0.label == 0 }) else {
            throw .stated(
                "the labels in \(folder)/\(names[0]) and its kin do not begin at 0: number the classes from 0")
        }
        let known = classes ?? Self.classes(samples.map { ($0.name, $0.label) }, count: most + 1)
        guard most < known.count else {
            throw .stated("\(folder)/\(names[0]): a label of \(most), where there are \(known.count) classes")
        }
        var index = SampleIndex(classes: known, isSharded: true)
        for name in names { _ = try index.addPlace(name) }
        for sample in samples {
            try index.append(
                place: sample.place, name: sample.name, label: sample.label, byteCount: sample.byteCount,
                offset: sample.offset, checksum: sample.checksum)
        }
        return index
    }

    /// Throws where shards are numbered and one lacks.
    private static func requireAllNumbers(_ names: [String], in folder: String) throws(DatasetError) {
        let numbers = names.compactMap { name -> Int? in
            let digits = name.dropLast(".tar".count).reversed().prefix { $0.isNumber && $0.isASCII }
            return Int(String(digits.reversed()))
        }
        guard numbers.count == names.count else { return }
        for (place, (number, following)) in zip(numbers, numbers.dropFirst()).enumerated()
        where following != number + 1 {
            throw .stated(
                "\(folder): after \(names[place]) comes \(names[place + 1]), and nothing between: copy the shards that "
                    + "lack, or number them one after the other")
        }
    }

    /// Folders in the members' names where these say the same as the labels, as in our own shards; else numbers.
    private static func classes(_ samples: [(name: String, label: Int)], count: Int) -> [String] {
        let numbers = (0..<count).map(String.init)
        var folders = [String?](repeating: nil, count: count)
        for (name, label) in samples {
            guard let slash = name.lastIndex(of: "/") else { return numbers }
            let folder = String(name[..<slash])
            guard folders[label] == nil || folders[label] == folder else { return numbers }
            folders[label] = folder
        }
        let names = folders.compactMap(\.self)
        return names.count == count && Set(names).count == count ? names : numbers
    }

    private static func split(_ path: String) -> (key: String, suffix: String)? {
        let name = path.split(separator: "/").last ?? ""
        guard !name.hasPrefix("."), !name.hasPrefix("__"), let dot = name.firstIndex(of: ".") else { return nil }
        let folder = path.dropLast(name.count)
        return (String(folder) + name[..<dot], name[name.index(after: dot)...].lowercased())
    }
}

/// The members of one uncompressed tar file, in order.
struct TarReader {
    struct Member: Equatable {
        let name: String
        /// Of the content, in the file.
        let offset: Int
        let byteCount: Int
    }

    private let file: InputFile
    private var at = 0
    private static let block = 512
    private static let mostHeaderBytes = 1 << 16

    init(_ path: String) throws(DatasetError) {
        do throws(FileError) { file = try InputFile(path) } catch { throw .file(error) }
    }

    private func fail(_ what: String) -> DatasetError {
        .stated(
            "\(file.path): \(what) at byte \(at): the shard is damaged or no uncompressed tar; copy or make it again")
    }

    private func bytes(_ offset: Int, _ count: Int) throws(DatasetError) -> [UInt8] {
        do throws(FileError) { return try file.bytes(at: offset, count: count) } catch { throw .file(error) }
    }

    /// The next regular file; nil at the end. Folders are passed over.
    mutating func next() throws(DatasetError) -> Member? {
        var longName: String?
        var longSize: Int?
        while true {
            guard at < file.byteCount else { throw fail(at == 0 ? "no content" : "no zeros at the end, which is") }
            guard file.byteCount - at >= Self.block else { throw fail("cut short in a header") }
            let header = try bytes(at, Self.block)
            if header.allSatisfy({ $0 == 0 }) { return nil }
            guard Self.hasRightSum(header) else { throw fail("no tar header") }
            guard let announced = Self.number(header[124..<136]) else { throw fail("an impossible size") }
            let kind = header[156]
            let isFile = [0, UInt8(ascii: "0"), UInt8(ascii: "7")].contains(kind)
            let size = isFile ? longSize ?? announced : announced
            let start = at + Self.block
            guard size <= file.byteCount - start else { throw fail("a member of \(size) bytes, more than follow,") }
            let name = longName ?? Self.name(header)
            switch kind {
            case UInt8(ascii: "L"), UInt8(ascii: "x"):
                guard size <= Self.mostHeaderBytes else { throw fail("a name of \(size) bytes") }
                let content = try bytes(start, size)
                if kind == UInt8(ascii: "L") {
                    longName = String(decoding: content.prefix { $0 != 0 }, as: UTF8.self)
                } else {
                    guard let records = Self.records(content) else { throw fail("a damaged pax header") }
                    longName = records["path"] ?? longName
                    if let text = records["size"] {
                        guard let value = Int(text), value >= 0 else { throw fail("an impossible size") }
                        longSize = value
                    }
                }
            case UInt8(ascii: "g"), UInt8(ascii: "K"): break
            case UInt8(ascii: "5"): (longName, longSize) = (nil, nil)
            default:
                guard isFile else {
                    throw fail("\(name), a link, a sparse file or a device instead of a file,")
                }
                at = start + (size + Self.block - 1) / Self.block * Self.block
                guard !name.isEmpty, !name.utf8.contains(0) else { throw fail("a member without a name") }
                return Member(name: name, offset: start, byteCount: size)
            }
            at = start + (size + Self.block - 1) / Self.block * Self.block
        }
    }

    /// A label in decimal digits.
    func label(_ member: Member) throws(DatasetError) -> Int {
        let text = String(decoding: try bytes(member.offset, min(member.byteCount, 32)), as: UTF8.self)
        guard member.byteCount <= 32, let label = Int(text.filter { !$0.isWhitespace }),
            (0..<SampleIndex.mostClasses).contains(label)
        else {
            throw .stated(
                "\(file.path): \(member.name) says '\(text.prefix(20))', not a label from 0 to "
                    + "\(SampleIndex.mostClasses - 1)")
        }
        return label
    }

    func checksum(of member: Member) throws(DatasetError) -> UInt32 {
        guard member.byteCount <= SampleStore.mostBytes else {
            throw .stated("\(file.path): \(member.name) has \(member.byteCount) bytes, more than an image may have")
        }
        return try bytes(member.offset, member.byteCount).withUnsafeBytes { Checksum.crc32($0) }
    }

    /// The header's own sum, over its bytes with blanks in its place.
    private static func hasRightSum(_ header: [UInt8]) -> Bool {
        guard let wanted = number(header[148..<156]) else { return false }
        let sum = header.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element)) }
        return sum == wanted
    }

    /// Octal digits, or GNU's binary form, which a first byte of 0x80 marks.
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        guard let first = field.first else { return nil }
        if first == 0x80 {
            var value = 0
            for byte in field.dropFirst() {
                let (product, overflow) = value.multipliedReportingOverflow(by: 256)
                guard !overflow else { return nil }
                value = product + Int(byte)
            }
            return value
        }
        let digits = field.drop { $0 == 32 }.prefix { (48..<56).contains($0) }
        guard !digits.isEmpty, first & 0x80 == 0 else { return nil }
        return digits.reduce(0) { $0 * 8 + Int($1 - 48) }
    }

    private static func name(_ header: [UInt8]) -> String {
        func text(_ range: Range<Int>) -> String { String(decoding: header[range].prefix { $0 != 0 }, as: UTF8.self) }
        let isStandard = Array(header[257..<262]) == Array("ustar".utf8) && header[262] == 0
        let prefix = isStandard ? text(345..<500) : ""
        return prefix.isEmpty ? text(0..<100) : "\(prefix)/\(text(0..<100))"
    }

    /// Lines of "LENGTH KEY=VALUE", each as long as it says.
    private static func records(_ content: [UInt8]) -> [String: String]? {
        var result: [String: String] = [:]
        var rest = content[...]
        while let blank = rest.firstIndex(of: 32) {
            guard let length = Int(String(decoding: rest[rest.startIndex..<blank], as: UTF8.self)), length > 0,
                length <= rest.count, length > blank - rest.startIndex + 1
            else { return nil }
            let line = rest[blank + 1..<rest.startIndex + length]
            guard line.last == 10, let equals = line.firstIndex(of: 61) else { return nil }
            let key = String(decoding: line[line.startIndex..<equals], as: UTF8.self)
            result[key] = String(decoding: line[equals + 1..<line.endIndex - 1], as: UTF8.self)
            rest = rest.dropFirst(length)
        }
        return result
    }
}
