import Testing
import Unix

/// Signals belong to the whole process: each test has one of its own.
@Suite("Signal", .timeLimit(.minutes(20)))
struct SignalTests {
    @Test("is called by its name, and by its number where it has none here")
    func description() {
        #expect(Signal.terminate.description == "SIGTERM")
        #expect(Signal(rawValue: SIGSEGV).description == "SIGSEGV")
        #expect(Signal(rawValue: 63).description == "signal 63")
    }

    @Test("goes to no process that does not exist")
    func noProcess() {
        #expect(throws: Errno.noSuchProcess) { try Signal(rawValue: 0).send(to: Int32.max) }
        #expect(throws: Errno.invalidArgument) { try Signal(rawValue: 1000).send(to: CurrentProcess.id) }
    }

    @Test("resetInherited ignores and blocks nothing, and leaves handlers: the caller's are gone by the exec")
    func resetInherited() async {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            for number in [SIGHUP, SIGTERM, SIGCHLD, SIGPIPE, SIGUSR1] { signal(number, SIG_IGN) }
            signal(SIGUSR2) { _ in }
            Signal.blockAll()
            Signal.resetInherited()
            for number in [SIGHUP, SIGTERM, SIGCHLD, SIGPIPE, SIGUSR1, SIGUSR2] {
                var action = sigaction()
                sigaction(number, nil, &action)
                // The handler comes first.
                withUnsafeBytes(of: action) { #expect(($0.load(as: Int.self) == 0) == (number != SIGUSR2)) }
            }
            #expect(blocked() == [])
            try Signal.terminate.send(to: CurrentProcess.id)
            Poll.pause(.seconds(60))
        }
    }

    @Test("blockAll blocks what can be blocked in the calling thread, and unblockAll nothing")
    func blocking() async {
        await #expect(processExitsWith: .success) {
            Signal.blockAll()
            let all = blocked()
            Signal.unblockAll()
            for number in [SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGCHLD] { #expect(all.contains(number)) }
            #expect(!all.contains(SIGKILL))
            #expect(blocked() == [])
        }
    }

    @Test("one that is discarded does nothing here, and has its default again in a program that is started")
    func discard() async {
        await #expect(processExitsWith: .success) {
            Signal.unblockAll()
            Signal.pipe.discard()
            let ends = try FileDescriptor.pipe().release()
            Descriptor.close(ends.read)
            #expect(throws: Errno.brokenPipe) { try Descriptor.writeAll(ends.write, "x") }
            // exec(3) keeps what is ignored, and gives what is caught its default back.
            var action = sigaction()
            sigaction(SIGPIPE, nil, &action)
            withUnsafeBytes(of: action) { #expect(![0, 1].contains($0.load(as: Int.self))) }
        }
    }

    @Test("one whose default is restored ends the process")
    func restoreDefault() async {
        await #expect(processExitsWith: .signal(SIGUSR1)) {
            Signal.user1.discard()
            try Signal.user1.send(to: CurrentProcess.id)
            Signal.user1.restoreDefault()
            try Signal.user1.send(to: CurrentProcess.id)
            Poll.pause(.seconds(60))
        }
    }

    @Test("a process ends by a signal although it catches and blocks it")
    func endBy() async {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            Signal.terminate.discard()
            Signal.blockAll()
            CurrentProcess.end(by: .terminate)
        }
    }
}

/// Which signals the calling thread blocks.
private func blocked() -> [Int32] {
    var set = sigset_t()
    pthread_sigmask(SIG_SETMASK, nil, &set)
    return (1..<32).filter { sigismember(&set, $0) == 1 }
}
