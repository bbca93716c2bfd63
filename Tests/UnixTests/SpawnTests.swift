import Testing
import Unix

@Suite("Spawn", .timeLimit(.minutes(20)))
struct SpawnTests {
    private static let shell = "/bin/sh"

    @Test("the program gets its arguments as they are")
    func arguments() throws {
        let words = ["-c", #"printf '<%s>' "$0" "$@""#, "", "a b", "*", "'\"\\", "grüße"]
        #expect(try output(of: Spawn(Self.shell, words)) == #"<><a b><*><'"\><grüße>"#)
    }

    @Test("the environment is exactly the one given")
    func environment() throws {
        #expect(try output(of: Spawn("/usr/bin/env", [], environment: ["A=1", "B=x y"])) == "A=1\nB=x y\n")
        #expect(try output(of: Spawn("/usr/bin/env", [], environment: [])) == "")
    }

    @Test("without one, the environment is our own")
    func ownEnvironment() async {
        await #expect(processExitsWith: .success) {
            setenv("UNIX_TEST", "value", 1)
            let text = try output(of: Spawn("/usr/bin/env", []))
            #expect(text.contains("UNIX_TEST=value\n"))
        }
    }

    @Test("the program is the leader of a process group of its own")
    func processGroup() throws {
        let ends = try FileDescriptor.pipe()
        var spawn = Spawn("/bin/cat", [])
        spawn.descriptors = [(child: 0, ours: ends.read.number)]
        let pid = try spawn.start()
        #expect(getpgid(pid) == pid)
        try Signal.kill.send(to: pid)
        #expect(try Child.reap(pid, waiting: true) == .signaled(.kill))
    }

    @Test("the working folder is handed on")
    func workingFolder() throws {
        let folder = try #require(Files.workingDirectory())
        #expect(try output(of: Spawn("/bin/pwd", ["-P"])) == "\(folder)\n")
    }

    @Test("what cannot be started is an error here, not a child that fails")
    func errors() throws {
        let folder = TemporaryFolder()
        try folder.write("no program", to: "file")
        #expect(throws: Errno.noSuchFile) { try Spawn(folder["none"], []).start() }
        #expect(throws: Errno.permissionDenied) { try Spawn(folder["file"], []).start() }
        #expect(throws: Errno.permissionDenied) { try Spawn(folder.path, []).start() }
    }

    @Test("the program is not looked up in PATH")
    func noLookUp() { #expect(throws: Errno.noSuchFile) { try Spawn("sh", []).start() } }

    #if os(Linux)
    private static func masks(in status: String) -> [String: String] {
        let lines = status.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
        return Dictionary(uniqueKeysWithValues: lines.filter { $0.count == 2 }.map { ($0[0], $0[1]) })
    }

    private static let none = "0000000000000000"

    @Test("the program blocks no signal, whatever the caller blocks")
    func mask() throws {
        var before = sigset_t()
        pthread_sigmask(SIG_SETMASK, nil, &before)
        Signal.blockAll()
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let status = Self.masks(in: try output(of: Spawn("/bin/cat", ["/proc/self/status"])))
        #expect(status["SigBlk:"] == Self.none)
    }

    @Test("the program ignores no signal, whatever the caller ignores")
    func dispositions() async {
        await #expect(processExitsWith: .success) {
            for number in 1...64 where number != SIGCHLD { signal(Int32(number), SIG_IGN) }
            let status = Self.masks(in: try output(of: Spawn("/bin/cat", ["/proc/self/status"])))
            // 32 and 33 are glibc's own: its posix_spawn leaves them ignored, and its threads set them up anew.
            let ignored = try #require(UInt64(status["SigIgn:"] ?? "", radix: 16))
            #expect(ignored & ~(0b11 << 31) == 0)
        }
    }
    #endif
}
