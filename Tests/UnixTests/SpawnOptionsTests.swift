import Testing
import Unix

@Suite("Options of a spawn", .timeLimit(.minutes(20)))
struct SpawnOptionsTests {
    private let folder = TemporaryFolder()

    /// The real path, without symbolic links.
    private var realFolder: String { get throws { try output(of: Spawn("/bin/readlink", ["-f", folder.path])) } }

    // MARK: The working folder

    @Test("the program runs in the folder, and we stay in ours")
    func directory() throws {
        let before = Files.workingDirectory()
        var spawn = Spawn("/bin/pwd", ["-P"])
        spawn.directory = folder.path
        #expect(try output(of: spawn) == realFolder)
        #expect(Files.workingDirectory() == before)
    }

    @Test("a relative executable counts from the folder")
    func relative() throws {
        chmod(try folder.write("#!/bin/sh\necho here\n", to: "script"), 0o755)
        var spawn = Spawn("./script", [])
        spawn.directory = folder.path
        #expect(try output(of: spawn) == "here\n")
    }

    @Test("a folder that is none, or may not be entered, is an error")
    func wrongDirectory() throws {
        var spawn = Spawn("/bin/pwd", [])
        spawn.directory = folder["none"]
        #expect(throws: Errno.noSuchFile) { try spawn.start() }
        spawn.directory = try folder.write("", to: "file")
        #expect(throws: Errno(rawValue: ENOTDIR)) { try spawn.start() }
    }

    // MARK: The process group

    /// The group of a program that waits for its end, which it gets here.
    private func group(leads: Bool) throws -> (pid: ProcessID, group: ProcessID) {
        let ends = try FileDescriptor.pipe()
        var spawn = Spawn("/bin/cat", [])
        spawn.descriptors = [(0, ends.read.number)]
        spawn.leadsGroup = leads
        let pid = try spawn.start()
        let group = getpgid(pid)
        try Signal.kill.send(to: pid)
        #expect(try Child.reap(pid, waiting: true) == .signaled(.kill))
        return (pid, group)
    }

    @Test("a program that leads a group has one of its own, from its first moment on")
    func leadsGroup() throws {
        let (pid, group) = try group(leads: true)
        #expect(group == pid)
    }

    @Test("one that does not is in ours")
    func sharesGroup() throws {
        let (_, group) = try group(leads: false)
        #expect(group == getpgrp())
    }

    // MARK: Signals

    #if os(Linux)
    @Test("a child ignores nothing and blocks nothing")
    func signals() throws {
        let status = try ownStatus()
        #expect(status["SigIgn"] == signalSet([]))
        #expect(status["SigBlk"] == signalSet([]))
    }

    @Test("with ignoresPipe it ignores SIGPIPE, and nothing else")
    func ignoresPipe() throws {
        let status = try ownStatus { $0.ignoresPipe = true }
        #expect(status["SigIgn"] == signalSet([SIGPIPE]))
        #expect(status["SigBlk"] == signalSet([]))
    }

    @Test("ignoresPipe reaches what the program starts")
    func ignoresPipeInherited() throws {
        var spawn = Spawn("/bin/sh", ["-c", "grep SigIgn /proc/self/status"])
        spawn.ignoresPipe = true
        #expect(try output(of: spawn) == "SigIgn:\t\(signalSet([SIGPIPE]))\n")
    }

    @Test(
        "neither does it matter what the caller ignores, nor what the calling thread blocks, hidden signals too",
        arguments: [false, true])
    func whateverTheCaller(ignoresPipe: Bool) async {
        await #expect(processExitsWith: .success) { [ignoresPipe = ignoresPipe as Bool] in
            for number in 1...64 where number != SIGCHLD { ignoreHard(Int32(number)) }
            blockHard()
            let status = try ownStatus { $0.ignoresPipe = ignoresPipe }
            #expect(status["SigIgn"] == signalSet(ignoresPipe ? [SIGPIPE] : []))
            #expect(status["SigBlk"] == signalSet([]))
        }
    }

    @Test("the caller's mask and dispositions are as before", arguments: [true, false])
    func callerUnchanged(isGood: Bool) async {
        await #expect(processExitsWith: .success) { [isGood = isGood as Bool] in
            signal(SIGUSR1, SIG_IGN)
            signal(SIGUSR2) { _ in }
            var set = sigset_t()
            sigemptyset(&set)
            sigaddset(&set, SIGTERM)
            pthread_sigmask(SIG_SETMASK, &set, nil)
            let before = try ownSignals()
            var spawn = Spawn(isGood ? "/bin/true" : "/nonexistent", [])
            spawn.ignoresPipe = true
            if isGood {
                #expect(try Child.reap(try spawn.start(), waiting: true) == .exited(0))
            } else {
                #expect(throws: Errno.noSuchFile) { try spawn.start() }
            }
            #expect(try ownSignals() == before)
        }
    }

    @Test("a handler of ours does not run in the child, however many signals come during the spawn")
    func noHandlerInChild() async {
        await #expect(processExitsWith: .success) {
            // In a vfork child a handler would write into our memory, and its pid would be another one.
            handledIn = 0
            catchInterrupting(SIGUSR1) { _ in if getpid() != ownPID { handledIn = getpid() } }
            ownPID = getpid()
            let group = getpgrp()
            let ends = try FileDescriptor.pipe().release()
            Signal.unblockAll()
            try Thread.start {
                while !Poll.readable(ends.read, timeout: .zero) { kill(getpid(), SIGUSR1) }
            }
            for _ in 0..<200 {
                var spawn = Spawn("/bin/true", [])
                spawn.leadsGroup = false
                #expect(try Child.reap(try spawn.start(), waiting: true) == .exited(0))
            }
            try Descriptor.writeAll(ends.write, ".")
            #expect(handledIn == 0 && getpgrp() == group)
        }
    }
    #endif
}

#if os(Linux)
nonisolated(unsafe) private var handledIn: ProcessID = 0
nonisolated(unsafe) private var ownPID: ProcessID = 0
#endif
