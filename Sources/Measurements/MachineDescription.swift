import Files
import Glibc

/// What a benchmark ran on, as far as the system says.
package struct MachineDescription: Sendable, Equatable {
    var host: String
    var processor: String
    var cores: Int
    /// Of the checkout that holds the executable; nil where there is none.
    package var commit: String?

    /// - Parameter executable: path of the running program, which the kernel knows however it was started.
    package init(executable: String = "/proc/self/exe") {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        host = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let model = Self.lines(of: "/proc/cpuinfo").first { $0.hasPrefix("model name") }
        processor = model.flatMap { $0.split(separator: ":", maxSplits: 1).last }.map { $0.trimmed } ?? "unknown"
        cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        commit = Self.commit(above: executable)
    }

    /// Follows `HEAD` of the nearest folder above that is a checkout.
    private static func commit(above path: String) -> String? {
        guard var folder = FileSystem.realPath(of: path).map({ $0[...] }) else { return nil }
        while let slash = folder.lastIndex(of: "/") {
            folder = folder[..<slash]
            let repository = repository(of: String(folder))
            guard let head = lines(of: "\(repository)/HEAD").first else { continue }
            guard head.hasPrefix("ref: ") else { return head.trimmed }
            return commit(of: head.dropFirst(5).trimmed, in: repository)
        }
        return nil
    }

    /// The folder `.git`, or the one that a file `.git` names (`gitdir: …`): of a worktree or a submodule.
    private static func repository(of checkout: String) -> String {
        let link = lines(of: "\(checkout)/.git").first
        guard let link, link.hasPrefix("gitdir: ") else { return "\(checkout)/.git" }
        return place(link.dropFirst(8).trimmed, from: checkout)
    }

    private static func commit(of reference: String, in repository: String) -> String? {
        // Worktrees have a HEAD each, and share the references.
        let common = lines(of: "\(repository)/commondir").first.map { place($0.trimmed, from: repository) }
        for folder in [repository, common ?? repository] {
            if let loose = lines(of: "\(folder)/\(reference)").first { return loose.trimmed }
        }
        return lines(of: "\(common ?? repository)/packed-refs").first { $0.hasSuffix(" \(reference)") }
            .map { String($0.prefix { $0 != " " }) }
    }

    private static func place(_ path: String, from folder: String) -> String {
        path.hasPrefix("/") ? path : "\(folder)/\(path)"
    }

    private static func lines(of path: String) -> [Substring] {
        FileSystem.systemText(path).split(separator: "\n")
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
