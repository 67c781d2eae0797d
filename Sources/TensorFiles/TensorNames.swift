/// Names of tensors as training frameworks' wrappers leave them: `module.conv1.weight`,
/// `layer1._orig_mod.0.conv1.weight`.
extension SafeTensorsFile {
    /// What PyTorch's wrappers (torch.compile, FSDP, activation checkpointing) put between a model's own names.
    private static let wrappers: Set<Substring> = ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"]

    /// The same file under a model's own names: without what wrappers put in the middle of names, and without a prefix
    /// that every tensor has (`module.`, `_orig_mod.`, `model.`, `state_dict.`, one after the other) where only then
    /// names are the model's.
    ///
    /// The file itself where nothing has to go.
    package func unwrapped(for expected: Set<String>) -> SafeTensorsFile {
        var names = entries.map { entry in
            let parts = entry.name.split(separator: ".", omittingEmptySubsequences: false)
            return (parts.prefix(1) + parts.dropFirst().filter { !Self.wrappers.contains($0) }).joined(separator: ".")
        }
        if !names.contains(where: expected.contains), let prefix = Self.commonPrefix(of: names, before: expected) {
            names = names.map { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0 }
        }
        let own = entries.map(\.name)
        guard names != own, Set(names).count == names.count, names.contains(where: expected.contains) else {
            return self
        }
        let dropped = Set(
            zip(own, names).filter { $0 != $1 }.map { $0.hasSuffix($1) ? String($0.dropLast($1.count)) : "" })
        return renamed(
            names,
            dropped: dropped.count == 1 && !dropped.contains("")
                ? "the prefix '\(dropped.first ?? "")'"
                : "the wrappers in names such as \(own.first { !names.contains($0) } ?? "")")
    }

    /// The prefix, up to a dot, that all names have and after which at least one is expected.
    private static func commonPrefix(of names: [String], before expected: Set<String>) -> String? {
        let names = names.filter { !TensorMatching.isOptional($0) }
        guard let first = names.first else { return nil }
        let dots = first.indices.filter { first[$0] == "." }
        return dots.map { String(first[...$0]) }.first { prefix in
            names.allSatisfy { $0.hasPrefix(prefix) }
                && names.contains { expected.contains(String($0.dropFirst(prefix.count))) }
        }
    }
}
