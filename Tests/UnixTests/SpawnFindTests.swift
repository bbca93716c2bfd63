import Testing
import Unix

@Suite("Where PATH has a program", .timeLimit(.minutes(20)))
struct SpawnFindTests {
    private let folder = TemporaryFolder()

    private func make(_ name: String, mode: mode_t = 0o755) throws {
        chmod(try folder.write("#!/bin/sh\n", to: name), mode)
    }

    private func makeFolder(_ name: String) throws { try Files.makeDirectory(folder[name], mode: 0o755) }

    @Test("the first folder that has it wins")
    func first() throws {
        for name in ["a", "b", "c"] { try makeFolder(name) }
        try make("b/program")
        try make("c/program")
        let path = [folder["none"], folder["a"], folder["b"], folder["c"]].joined(separator: ":")
        #expect(try Spawn.find("program", path: path) == folder["b/program"])
    }

    @Test("what has a slash is a path already, there or not", arguments: ["./x", "/none/x", "a/b", "/"])
    func slash(name: String) throws { #expect(try Spawn.find(name, path: folder.path) == name) }

    @Test("what is nowhere is ENOENT, and so is an empty name")
    func nowhere() {
        #expect(throws: Errno.noSuchFile) { try Spawn.find("program", path: folder.path) }
        #expect(throws: Errno.noSuchFile) { try Spawn.find("", path: folder.path) }
    }

    @Test("what may not be executed is passed over, and told by EACCES where there is no other")
    func notExecutable() throws {
        for name in ["a", "b"] { try makeFolder(name) }
        try make("a/program", mode: 0o644)
        #expect(throws: Errno.permissionDenied) { try Spawn.find("program", path: "\(folder["a"]):\(folder["b"])") }
        try make("b/program")
        #expect(try Spawn.find("program", path: "\(folder["a"]):\(folder["b"])") == folder["b/program"])
    }

    @Test("a folder of that name is no program")
    func isFolder() throws {
        try makeFolder("program")
        #expect(throws: Errno.noSuchFile) { try Spawn.find("program", path: folder.path) }
    }

    @Test("a link to a program is one, and a broken link is none")
    func links() throws {
        try make("program")
        #expect(symlink("program", folder["link"]) == 0 && symlink("none", folder["broken"]) == 0)
        #expect(try Spawn.find("link", path: folder.path) == folder["link"])
        #expect(throws: Errno.noSuchFile) { try Spawn.find("broken", path: folder.path) }
    }

    @Test("an empty part of PATH is the working folder", arguments: ["", ":/none", "/none:", "/none::/nowhere"])
    func emptyPart(path: String) async {
        await #expect(processExitsWith: .success) { [path = path as String] in
            let folder = TemporaryFolder()
            chmod(try folder.write("#!/bin/sh\n", to: "program"), 0o755)
            try Files.changeDirectory(folder.path)
            #expect(try Spawn.find("program", path: path) == "./program")
        }
    }

    @Test("without PATH the system's folders are searched")
    func noPath() throws {
        let found = try Spawn.find("sh", path: nil)
        #expect(found == "/bin/sh" || found == "/usr/bin/sh")
    }
}
