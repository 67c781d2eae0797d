import Foundation
import Measurements
import TestSupport
import Testing

@Suite struct MachineDescriptionTests {
    private let hash = "0123456789abcdef0123456789abcdef01234567"

    /// The commit that a program in `build` under the checkout reports.
    private func commit(_ folder: TemporaryFolder, checkout: String) throws -> String? {
        try folder.makeFolder("\(checkout)/build")
        return MachineDescription(executable: try folder.write("", to: "\(checkout)/build/program")).commit
    }

    @Test func `a checkout's commit is found by a loose reference, a packed one or none`() throws {
        let folder = try TemporaryFolder()
        try folder.makeFolder("a/.git/refs/heads")
        _ = try folder.write("ref: refs/heads/main\n", to: "a/.git/HEAD")
        #expect(try commit(folder, checkout: "a") == nil)
        _ = try folder.write("# pack-refs\n\(hash) refs/heads/main\n", to: "a/.git/packed-refs")
        #expect(try commit(folder, checkout: "a") == hash)
        _ = try folder.write("feed\n", to: "a/.git/refs/heads/main")
        #expect(try commit(folder, checkout: "a") == "feed", "a loose reference is newer")
        _ = try folder.write("\(hash)\n", to: "a/.git/HEAD")
        #expect(try commit(folder, checkout: "a") == hash)
    }

    @Test(arguments: [true, false])
    func `a worktree has a HEAD of its own and the repository's references`(isPacked: Bool) throws {
        let folder = try TemporaryFolder()
        try folder.makeFolder("a/.git/worktrees/b")
        try folder.makeFolder("a/.git/refs/heads")
        _ = try folder.write("ref: refs/heads/main\n", to: "a/.git/HEAD")
        _ = try folder.write("ref: refs/heads/side\n", to: "a/.git/worktrees/b/HEAD")
        _ = try folder.write("../..\n", to: "a/.git/worktrees/b/commondir")
        if isPacked {
            _ = try folder.write("feed refs/heads/main\n\(hash) refs/heads/side\n", to: "a/.git/packed-refs")
        } else {
            _ = try folder.write("\(hash)\n", to: "a/.git/refs/heads/side")
        }
        try folder.makeFolder("b")
        for path in [folder.file("a/.git/worktrees/b"), "../a/.git/worktrees/b"] {
            _ = try folder.write("gitdir: \(path)\n", to: "b/.git")
            #expect(try commit(folder, checkout: "b") == hash)
        }
    }

    @Test func `a submodule's repository stands for itself`() throws {
        let folder = try TemporaryFolder()
        try folder.makeFolder("a/.git/modules/b")
        try folder.makeFolder("a/b")
        _ = try folder.write("\(hash)\n", to: "a/.git/modules/b/HEAD")
        _ = try folder.write("gitdir: ../.git/modules/b\n", to: "a/b/.git")
        #expect(try commit(folder, checkout: "a/b") == hash)
    }
}
