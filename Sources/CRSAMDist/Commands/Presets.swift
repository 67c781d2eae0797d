import ArgumentParser
import Files
import Training

struct Presets: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the recipes of published experiments, or print one.",
        discussion: """
            A recipe is a YAML file of settings, which opens with its command, source and published result. Flags win \
            over it:

              mpirun -np 8 crsam-dist train --preset cifar10-resnet18-crsam \\
                  --data DIR --epochs 100
            """)

    @Argument(help: "Print this recipe.")
    var name: String?

    func run() throws {
        if let name {
            let preset = try Preset.named(name)
            return try Job.print { try preset.text().trimmingSuffix("\n") }
        }
        let presets = try Preset.all()
        let width = presets.map(\.name.count).max() ?? 0
        try Job.print {
            try presets.map { preset in
                let padding = String(repeating: " ", count: width - preset.name.count)
                return "\(preset.name)\(padding)  \(try preset.summary())"
            }.joined(separator: "\n")
        }
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}

/// A file of `presets/`, the folder in the checkout that the program was built in, or beside the program.
struct Preset {
    let name: String
    let path: String

    /// In the order of their names.
    static func all() throws -> [Preset] {
        let folder = try folder()
        return try Folder.names(in: folder).filter { $0.hasSuffix(".yaml") }
            .map { Preset(name: String($0.dropLast(5)), path: "\(folder)/\($0)") }
    }

    static func named(_ name: String) throws -> Preset {
        let presets = try all()
        guard let preset = presets.first(where: { $0.name == name }) else {
            let likely = presets.map(\.name).min { $0.editDistance(to: name) < $1.editDistance(to: name) } ?? ""
            throw ConfigurationError(
                "--preset is '\(name)', which there is not",
                remedy: "choose one that 'crsam-dist presets' lists, such as \(likely)")
        }
        return preset
    }

    func text() throws -> String { try InputFile.text(path) }

    /// The first line, a comment.
    func summary() throws -> String {
        try text().split(separator: "\n").first.map { String($0.drop { $0 == "#" || $0 == " " }) } ?? ""
    }

    /// Beside the program, or beside one of the folders that it lies in.
    private static func folder() throws -> String {
        let program = FileSystem.realPath(of: "/proc/self/exe") ?? ""
        var folder = FileSystem.directory(of: program)
        while folder != "/" && !folder.isEmpty && folder != "." {
            let candidate = "\(folder)/presets"
            if try FileKind(of: candidate) == .directory { return candidate }
            folder = FileSystem.directory(of: folder)
        }
        throw ConfigurationError(
            "no folder 'presets' lies beside \(program) or above it",
            remedy: "copy that of the checkout there, or give the recipe's file with --config")
    }
}
