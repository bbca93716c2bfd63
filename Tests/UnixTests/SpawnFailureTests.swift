import Testing
import Unix

@Suite("Failures and numbers of spawns", .timeLimit(.minutes(20)))
struct SpawnFailureTests {
    private let folder = TemporaryFolder()

    // MARK: What exec says

    @Test("a missing program, folder of it, or interpreter is ENOENT")
    func missing() throws {
        #expect(throws: Errno.noSuchFile) { try Spawn(folder["none"], []).start() }
        #expect(throws: Errno.noSuchFile) { try Spawn(folder["none/program"], []).start() }
        #expect(throws: Errno.noSuchFile) { try Spawn("", []).start() }
        chmod(try folder.write("#!/nonexistent/interpreter\n", to: "script"), 0o755)
        #expect(throws: Errno.noSuchFile) { try Spawn(folder["script"], []).start() }
    }

    @Test("a file that is not executable, and a folder, are EACCES")
    func notExecutable() throws {
        chmod(try folder.write("#!/bin/sh\n", to: "script"), 0o644)
        #expect(throws: Errno.permissionDenied) { try Spawn(folder["script"], []).start() }
        #expect(throws: Errno.permissionDenied) { try Spawn(folder.path, []).start() }
    }

    @Test("a file in the way of a path is ENOTDIR")
    func fileInTheWay() throws {
        try folder.write("", to: "file")
        #expect(throws: Errno(rawValue: ENOTDIR)) { try Spawn(folder["file/program"], []).start() }
    }

    @Test("a script without an interpreter's line, and an empty file, are ENOEXEC", arguments: ["echo x\n", "", "#"])
    func notAProgram(text: String) throws {
        chmod(try folder.write(text, to: "script"), 0o755)
        #expect(throws: Errno.notExecutable) { try Spawn(folder["script"], []).start() }
    }

    @Test("a program that is being written is ETXTBSY")
    func busy() throws {
        chmod(try folder.write("#!/bin/sh\n", to: "script"), 0o755)
        let writer = try FileDescriptor.open(folder["script"], .writeOnly)
        #expect(throws: Errno(rawValue: ETXTBSY)) { try Spawn(folder["script"], []).start() }
        _ = writer
    }

    @Test("links in a circle are ELOOP, and a name that is too long ENAMETOOLONG")
    func names() throws {
        #expect(symlink(folder["a"], folder["b"]) == 0 && symlink(folder["b"], folder["a"]) == 0)
        #expect(throws: Errno.symbolicLinkLoop) { try Spawn(folder["a"], []).start() }
        #expect(throws: Errno.nameTooLong) { try Spawn(folder[String(repeating: "n", count: 300)], []).start() }
    }

    #if os(Linux)
    @Test("where no process may be made the reason is told, and signals are as before")
    func noProcess() async {
        await #expect(processExitsWith: .success) {
            // A limit of the user's processes does not hold for root.
            if getuid() == 0 { try Privileges.drop(to: User(id: 54321, name: "", group: 54321), group: 54321) }
            var limit = rlimit(rlim_cur: 0, rlim_max: 0)
            #expect(setrlimit(processLimit, &limit) == 0)
            let before = try ownSignals()
            #expect(throws: Errno.wouldBlock) { try Spawn("/bin/true", []).start() }
            #expect(try ownSignals() == before)
        }
    }
    #endif

    // MARK: Nothing is left

    @Test("a failed spawn leaves neither a child nor a descriptor")
    func nothingLeft() async {
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder()
            chmod(try folder.write("echo", to: "script"), 0o755)
            let before = openDescriptors()
            for _ in 0..<50 {
                #expect(throws: Errno.noSuchFile) { try Spawn(folder["none"], []).start() }
                #expect(throws: Errno.notExecutable) { try Spawn(folder["script"], []).start() }
                var spawn = Spawn("/bin/true", [])
                spawn.directory = folder["none"]
                #expect(throws: Errno.noSuchFile) { try spawn.start() }
                spawn.descriptors = [(7, 9999)]
                #expect(throws: Errno.badDescriptor) { try spawn.start() }
                // Not even one that waits to be reaped.
                #expect(throws: Errno(rawValue: ECHILD)) { try Child.reap(-1, waiting: false) }
            }
            #expect(openDescriptors() == before)
        }
    }

    @Test("a thousand spawns leave no descriptor and no zombie")
    func thousand() async {
        await #expect(processExitsWith: .success) {
            let ends = try FileDescriptor.pipe()
            let before = openDescriptors()
            for number in 0..<1000 {
                var spawn = Spawn("/bin/true", [])
                spawn.descriptors = [(Int32(3 + number % 7), ends.write.number)]
                #expect(try Child.reap(try spawn.start(), waiting: true) == .exited(0))
            }
            #expect(openDescriptors() == before)
            #expect(throws: Errno(rawValue: ECHILD)) { try Child.reap(-1, waiting: false) }
        }
    }

    // MARK: Threads

    @Test("from eight threads at once each gets its own child, with its own descriptors and folder")
    func threads() async {
        await #expect(processExitsWith: .success) {
            try inThreads(8) { thread in
                let folder = TemporaryFolder()
                for round in 0..<25 {
                    var spawn = Spawn("/bin/sh", ["-c", "pwd -P; echo $0 $T", "\(thread)/\(round)"])
                    spawn.environment = [Array("T=\(thread)".utf8)]
                    spawn.directory = folder.path
                    let text = (try? output(of: spawn)) ?? "failed"
                    #expect(text == "\(folder.path)\n\(thread)/\(round) \(thread)\n")
                }
            }
            #expect(throws: Errno(rawValue: ECHILD)) { try Child.reap(-1, waiting: false) }
        }
    }

    @Test("while threads open and close descriptors, a child has none of them")
    func openingThreads() async {
        await #expect(processExitsWith: .success) {
            let ends = try FileDescriptor.pipe().release()
            for _ in 0..<2 {
                try Thread.start {
                    while !Poll.readable(ends.read, timeout: .zero) { Descriptor.close(dup(0)) }
                }
            }
            for _ in 0..<100 {
                let names = try output(of: Spawn("/bin/sh", ["-c", "cd /proc/self/fd; echo *"]))
                // dash keeps one of its own for the pattern.
                #expect(names.split(whereSeparator: \.isWhitespace).allSatisfy { (Int($0) ?? 99) <= 3 })
            }
            try Descriptor.writeAll(ends.write, ".")
        }
    }
}

#if canImport(Glibc)
private let processLimit = __rlimit_resource_t(__RLIMIT_NPROC.rawValue)
#elseif os(Linux)
private let processLimit = RLIMIT_NPROC
#endif
