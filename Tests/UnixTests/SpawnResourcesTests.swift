#if os(Linux)
import Testing
import Unix

private func make(_ folder: TemporaryFolder, _ name: String, _ text: String, mode: FileMode) throws {
    chmod(try folder.write(text, to: name), mode)
}

@Suite("What a spawned program is granted", .timeLimit(.minutes(20)))
struct SpawnResourcesTests {
    /// One line for each of the commands.
    private func lines(_ commands: String, _ change: (inout Spawn) -> Void) throws -> [Substring] {
        let folder = TemporaryFolder()
        var spawn = Spawn("/bin/sh", ["-c", "{ \(commands); } > \"$0\"", folder["said"]])
        change(&spawn)
        #expect(try Child.reap(try spawn.start(), waiting: true) == .exited(0))
        let file = try FileDescriptor.open(folder["said"], [])
        return String(decoding: Descriptor.contents(of: file.number, limit: 1 << 16), as: UTF8.self)
            .split(separator: "\n")
    }

    @Test("limits, niceness and oom score are there when the program begins, whatever descriptors it is given")
    func resources() throws {
        let ends = try FileDescriptor.pipe()
        let commands = "ulimit -Sn; ulimit -Hn; ulimit -c; nice; cat /proc/$$/oom_score_adj"
        let found = try lines(commands) { spawn in
            spawn.resources.limits = [
                ResourceLimit(.openFiles, soft: 50, hard: 60), ResourceLimit(.core, soft: 0, hard: 0),
            ]
            spawn.resources.niceness = 19
            spawn.resources.oomScore = 999
            spawn.descriptors = [(3, ends.write.number), (5, ends.read.number)]
        }
        #expect(found == ["50", "60", "0", "19", "999"])
    }

    @Test("what the system refuses is told with its step, and there is no child", arguments: [false, true])
    func refused(isWaitedFor: Bool) throws {
        var spawn = Spawn("/bin/true", [])
        spawn.resources.oomScore = 1001
        if isWaitedFor {
            #expect(throws: Errno.invalidArgument) { try spawn.start() }
            return
        }
        let process = try spawn.begin()
        let report = try #require(process.report)
        #expect(eventually { Poll.readable(report.descriptor, timeout: .zero) })
        #expect(report.read() == .failed(SpawnFailure(step: .oomScore, errno: .invalidArgument)))
        #expect(try Child.reap(process.pid, waiting: true) == .exited(127))
    }

    @Test("the next path is tried where one is not there or may not be executed, and no other error is passed over")
    func alternatives() throws {
        let folder = TemporaryFolder()
        try make(folder, "locked", "#!/bin/sh\nexit 1\n", mode: 0o644)
        try make(folder, "odd", "no program\n", mode: 0o755)
        try make(folder, "good", "#!/bin/sh\nexit 7\n", mode: 0o755)
        var spawn = Spawn(folder["none"], [])
        spawn.alternatives = [folder["locked"], folder["good"]]
        #expect(try Child.reap(try spawn.start(), waiting: true) == .exited(7))
        spawn.alternatives = [folder["locked"], folder["none"]]
        #expect(throws: Errno.permissionDenied) { try spawn.start() }
        spawn.alternatives = [folder["odd"], folder["good"]]
        #expect(throws: Errno.notExecutable) { try spawn.start() }
    }

    @Test("each of several variables gets the child's pid")
    func pids() throws {
        let found = try lines("echo $A $LONGER $$") { $0.pidVariables = ["A", "LONGER"] }
        let words = try #require(found.first).split(separator: " ")
        #expect(words.count == 3 && Set(words).count == 1)
    }

    @Test("candidates for another user: what has a bit for anybody, in the order of PATH")
    func candidates() throws {
        let folder = TemporaryFolder()
        for name in ["a", "b", "c"] { try Files.makeDirectory(folder[name], mode: 0o755) }
        try make(folder, "b/x", "", mode: 0o644)
        try make(folder, "c/x", "", mode: 0o700)
        let path = ["a", "b", "c"].map { folder[$0] }.joined(separator: ":")
        #expect(try Spawn.candidates("x", path: path) == [folder["c/x"]])
        #expect(throws: Errno.permissionDenied) { try Spawn.candidates(folder["b/x"], path: nil) }
        #expect(throws: Errno.noSuchFile) { try Spawn.candidates("y", path: path) }
        #expect(throws: Errno.noSuchFile) { try Spawn.candidates("", path: path) }
    }

    @Test(
        "a limit is written as it is read",
        arguments: ["nofile 1", "core infinity", "as 0:infinity", "rttime 5:9223372036854775807"])
    func words(text: String) { #expect(ResourceLimit(words: text)?.words == text) }

    @Test(
        "what is no limit",
        arguments: [
            "nofile", "nofile ", "x 1", "nofile 2:1", "nofile infinity:1", "nofile 1:2:3", "nofile -1", "nofile 1:",
            "nofile 9223372036854775808", "nofile 1 2",
        ])
    func noLimit(text: String) { #expect(ResourceLimit(words: text) == nil) }
}
#endif
