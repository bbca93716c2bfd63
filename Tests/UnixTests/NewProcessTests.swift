import Testing
import Unix

#if os(Linux)
@Suite("Programs whose start nobody waits for", .timeLimit(.minutes(20)))
struct NewProcessTests {
    private static func outcome(_ process: NewProcess) throws -> ExecReport.Outcome {
        let report = try #require(process.report)
        #expect(eventually { Poll.readable(report.descriptor, timeout: .zero) })
        return try #require(report.read())
    }

    @Test("the report says that the program runs, and that it could not: at which step, and why")
    func reports() throws {
        let folder = TemporaryFolder()
        let good = try Spawn("/bin/true", []).begin()
        #expect(try Self.outcome(good) == .executed)
        #expect(try Child.reap(good.pid, waiting: true) == .exited(0))
        let missing = try Spawn(folder["none"], []).begin()
        let outcome = try #require(try? Self.outcome(missing))
        #expect(outcome == .failed(SpawnFailure(step: .exec, errno: .noSuchFile)))
        #expect(try Child.reap(missing.pid, waiting: true) == .exited(127))
        var spawn = Spawn("/bin/true", [])
        spawn.directory = folder["none"]
        let lost = try spawn.begin()
        #expect(try Self.outcome(lost) == .failed(SpawnFailure(step: .directory, errno: .noSuchFile)))
        #expect(try Child.reap(lost.pid, waiting: true) == .exited(127))
    }

    @Test("a signal to its group finds it from the moment when the call returns, before there is a group")
    func group() throws {
        let process = try Spawn("/bin/sleep", ["600"]).begin()
        try Child.send(.kill, to: process.pid, group: true)
        #expect(try Child.reap(process.pid, waiting: true) == .signaled(.kill))
        #expect(process.report?.read() == .executed)
    }

    @Test("it has the descriptors that were declared, whichever number the report has")
    func descriptors() throws {
        let folder = TemporaryFolder()
        let file = try FileDescriptor.open(folder["out"], [.writeOnly, .create])
        var spawn = Spawn("/bin/sh", ["-c", "cd /proc/self/fd; echo * >&1"])
        // Some of them are sure to be the numbers of the pipe.
        spawn.descriptors = [(1, file.number)] + (3..<40).map { ($0, file.number) }
        let process = try spawn.begin()
        #expect(try Self.outcome(process) == .executed)
        #expect(try Child.reap(process.pid, waiting: true) == .exited(0))
        let numbers = try TemporaryFolder.contents(of: folder["out"]).split(whereSeparator: \.isWhitespace)
        let named = Set(numbers.compactMap { Int32($0) }.filter { $0 < 40 })
        #expect(named == Set(0..<40))
        // One more: the folder itself, which the shell reads.
        #expect(numbers.count <= 41, "\(numbers)")
    }

    @Test("a script without an interpreter's line is given to the shell where that is wanted")
    func script() throws {
        let folder = TemporaryFolder()
        chmod(try folder.write("test \"$1\" = word && exit 7\n", to: "script"), 0o755)
        var spawn = Spawn(folder["script"], ["word"])
        #expect(throws: Errno.notExecutable) { try spawn.start() }
        spawn.runsScripts = true
        #expect(try Child.reap(try spawn.start(), waiting: true) == .exited(7))
        #expect(try Child.reap(try spawn.begin().pid, waiting: true) == .exited(7))
    }

    @Test("a limit that was raised is the caller's again")
    func limit() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 111, rlim_max: 222)
            #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            #expect(Limits.raiseOpenFiles(to: 200) == 200)
            let limits = try output(of: Spawn("/bin/sh", ["-c", "ulimit -Sn; ulimit -Hn"]))
            #expect(limits == "111\n222\n")
        }
    }

    @Test("arguments, names and folders that are no UTF-8 stay as they are")
    func bytes() throws {
        let odd = String(system: [0x61, 0xFF, 0x62])
        #expect(try output(of: Spawn("/bin/sh", ["-c", "printf %s \"$0\" | od -An -tx1", odd])) == " 61 ff 62\n")
    }
}

@Suite(
    "A program of another user", .enabled(if: CurrentProcess.userID == 0, "only root can change the user"),
    .timeLimit(.minutes(20)))
struct OtherUserTests {
    @Test("who is held before his program owns none of our descriptors, and his user cannot look into the memory")
    func held() throws {
        let folder = TemporaryFolder()
        chmod(folder.path, 0o755)
        let held = try HeldFolder(folder["held"], user: 54396)
        guard held.isMounted else { return print("no FUSE here: a held child is not tested") }
        defer { held.end() }
        let secret = try FileDescriptor.open(folder["secret"], [.readWrite, .create])
        var spawn = Spawn("/bin/true", [])
        spawn.account = SpawnAccount(user: 54396, group: 54396, groups: [54396])
        spawn.directory = folder["held"]
        let process = try spawn.begin()
        defer {
            try? Signal.kill.send(to: process.pid)
            held.end()
            _ = try? Child.reap(process.pid, waiting: true)
        }
        #expect(eventually { held.requests > 0 })
        #expect(process.report?.read() == nil)
        let files = Files.names(in: "/proc/\(process.pid)/fd").compactMap {
            Files.linkTarget("/proc/\(process.pid)/fd/\($0)")
        }
        #expect(!files.isEmpty && !files.contains(folder["secret"]), "\(files) \(secret.number)")
        var look = Spawn("/bin/cat", ["/proc/\(process.pid)/maps"])
        look.account = spawn.account
        #expect(try Child.reap(try look.start(), waiting: true) == .exited(1))
    }
}
#endif
