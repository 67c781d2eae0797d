import Glibc

/// What a benchmark ran on, as far as the system tells.
struct MachineDescription: Sendable, Equatable {
    var host: String
    var processor: String
    var cores: Int
    /// Of the checkout that holds the executable; nil where there is none.
    var commit: String?

    /// - Parameter executable: path of the running program.
    init(executable: String = CommandLine.arguments.first ?? "") {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        host = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let model = Self.lines(of: "/proc/cpuinfo").first { $0.hasPrefix("model name") }
        processor = model.flatMap { $0.split(separator: ":", maxSplits: 1).last }.map { $0.trimmed } ?? "unknown"
        cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        commit = Self.commit(above: executable)
    }

    /// Follows `.git/HEAD` of the nearest folder above that has one.
    private static func commit(above path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        var folder = Substring(String(cString: resolved))
        while let slash = folder.lastIndex(of: "/") {
            folder = folder[..<slash]
            guard let head = lines(of: "\(folder)/.git/HEAD").first else { continue }
            guard head.hasPrefix("ref: ") else { return head.trimmed }
            let reference = head.dropFirst(5).trimmed
            if let loose = lines(of: "\(folder)/.git/\(reference)").first { return loose.trimmed }
            let packed = lines(of: "\(folder)/.git/packed-refs").first { $0.hasSuffix(" \(reference)") }
            return packed.map { String($0.prefix { $0 != " " }) }
        }
        return nil
    }

    private static func lines(of path: String) -> [Substring] {
        // The kernel's files tell no size, so that they are read to their end.
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < 1 << 22 {
            let count = fread(&block, 1, block.count, file)
            if count == 0 { break }
            bytes += block.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }

    var json: String {
        var text = "{\"host\":"
        text.appendJSON(host)
        text += ",\"processor\":"
        text.appendJSON(processor)
        text += ",\"cores\":\(cores),\"commit\":"
        if let commit { text.appendJSON(commit) } else { text += "null" }
        return text + "}"
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
