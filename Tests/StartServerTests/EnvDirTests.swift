import Testing
import Unix

@testable import start_server

@Suite("Envdirs", .timeLimit(.minutes(20)))
struct EnvDirTests {
    private let folder = TemporaryFolder()

    private func value(of text: String) throws -> [UInt8]? {
        try folder.write(text, to: "X")
        let envdir = EnvDir(reading: folder.path)
        #expect(envdir.mistakes.isEmpty)
        return envdir.variables.first?.value
    }

    @Test(
        "the first line is the value, as it stands",
        arguments: [
            ("a\n", "a"), ("a", "a"), ("a\nb\n", "a"), ("a b \t \n", "a b \t "), ("  a", "  a"), ("a\r\n", "a\r"),
            ("\n", ""), ("\nb", ""), ("a\0b\n", "a"), ("\0\n", ""), ("0", "0"), ("a=b;c", "a=b;c"),
            ("grüße\n", "grüße"),
        ])
    func firstLine(text: String, value: String) throws { #expect(try self.value(of: text) == Array(value.utf8)) }

    @Test("an empty file sets nothing")
    func emptyFile() throws { #expect(try value(of: "") == nil) }

    @Test("bytes that are not UTF-8 stay as they are")
    func bytes() throws {
        try folder.write("", to: "X")
        let file = try FileDescriptor.open(folder["X"], [.writeOnly])
        _ = try Descriptor.write(file.number, ([0xFF, 0xFE, 0x0A] as [UInt8]).span)
        #expect(EnvDir(reading: folder.path).variables == [.init(name: "X", value: [0xFF, 0xFE])])
    }

    @Test("variables come by name; dot files, folders and names with = are passed over silently")
    func names() throws {
        for name in ["B", "A", ".hidden", "C=D", "lower", "KILL_OLD_DELAY"] { try folder.write(name, to: name) }
        try Files.makeDirectory(folder["folder"], mode: 0o700)
        #expect(symlink("A", folder["LINK"]) == 0)
        let envdir = EnvDir(reading: folder.path)
        #expect(envdir.variables.map(\.name) == ["A", "B", "KILL_OLD_DELAY", "LINK", "lower"])
        #expect(envdir["LINK"] == "A" && envdir["KILL_OLD_DELAY"] == "KILL_OLD_DELAY" && envdir["C"] == nil)
        #expect(envdir.mistakes.isEmpty)
    }

    @Test("what cannot be read is passed over and named, and a fifo keeps nobody waiting")
    func unreadable() throws {
        try folder.write("yes", to: "GOOD")
        #expect(mkfifo(folder["FIFO"], 0o600) == 0)
        #expect(symlink("nowhere", folder["DANGLING"]) == 0)
        try folder.write(String(repeating: "x", count: 200_000), to: "LONG")
        let envdir = EnvDir(reading: folder.path)
        #expect(envdir.variables.map(\.name) == ["GOOD"])
        #expect(
            envdir.mistakes == [
                "ignoring \(folder.path)/DANGLING: \(Errno.noSuchFile)", "ignoring \(folder.path)/FIFO: it is a fifo",
                "ignoring \(folder.path)/LONG: its first line is too long",
            ])
    }

    @Test(
        "a file without the right to read is named",
        .enabled(if: CurrentProcess.userID != 0, "root may read every file"))
    func denied() throws {
        try folder.write("no", to: "SECRET")
        #expect(chmod(folder["SECRET"], 0) == 0)
        #expect(EnvDir(reading: folder.path).mistakes == ["ignoring \(folder.path)/SECRET: \(Errno.permissionDenied)"])
    }

    @Test("the longest value that a program can be given is taken, and one byte more is not")
    func longest() throws {
        // 128 KiB with "X=" and the zero byte at the end. execve(2)
        let longest = String(repeating: "x", count: 128 * 1024 - 3)
        for (text, isTaken) in [(longest, true), (longest + "\nmore", true), (longest + "x", false)] {
            try folder.write(text, to: "X")
            #expect(EnvDir(reading: folder.path).variables.isEmpty != isTaken)
        }
        let taken = try output(of: Spawn("/usr/bin/env", [], environment: ["X=\(longest)"]))
        #expect(taken == "X=\(longest)\n")
    }

    @Test("a missing directory has no variables, and a file in its place is named")
    func missing() throws {
        #expect(EnvDir(reading: folder["missing"]) == EnvDir())
        try folder.write("", to: "file")
        let envdir = EnvDir(reading: folder["file"])
        #expect(envdir.variables.isEmpty && envdir.mistakes.count == 1)
        #expect(envdir.mistakes.first?.hasPrefix("cannot read envdir \(folder["file"]): ") == true)
    }
}
