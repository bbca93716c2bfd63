import Synchronization
import Testing
import Unix

/// There is one pipe in a process, so each test has a process of its own.
@Suite("SignalPipe", .timeLimit(.minutes(20)))
struct SignalPipeTests {
    @Test("a signal makes the descriptor readable and is taken once")
    func once() async {
        await #expect(processExitsWith: .success) {
            let pipe = try SignalPipe()
            pipe.catches(.user1)
            #expect(!Poll.readable(pipe.descriptor, timeout: .zero))
            try Signal.user1.send(to: CurrentProcess.id)
            #expect(Poll.readable(pipe.descriptor, timeout: .seconds(20)))
            pipe.drain()
            #expect(pipe.take(.user1))
            #expect(!pipe.take(.user1))
            #expect(!Poll.readable(pipe.descriptor, timeout: .zero))
        }
    }

    @Test("several of one signal are one, and another signal is another")
    func coalescing() async {
        await #expect(processExitsWith: .success) {
            let pipe = try SignalPipe()
            for signal in [Signal.user1, .user2, .hangup] { pipe.catches(signal) }
            for _ in 0..<100 { raiseHere(SIGUSR1) }
            raiseHere(SIGUSR2)
            pipe.drain()
            #expect(pipe.take(.user1))
            #expect(!pipe.take(.user1))
            #expect(pipe.take(.user2))
            #expect(!pipe.take(.hangup))
        }
    }

    @Test("a full pipe loses no signal and does not block the handler")
    func fullPipe() async {
        await #expect(processExitsWith: .success) {
            let pipe = try SignalPipe()
            for signal in [Signal.user1, .user2] { pipe.catches(signal) }
            for _ in 0..<70_000 { raiseHere(SIGUSR1) }
            raiseHere(SIGUSR2)
            pipe.drain()
            #expect(!Poll.readable(pipe.descriptor, timeout: .zero))
            #expect(pipe.take(.user1) && pipe.take(.user2))
        }
    }

    @Test("in a storm of 10,000 signals none is lost: after each one, a take is true")
    func storm() async {
        await #expect(processExitsWith: .success) {
            let pipe = try SignalPipe()
            pipe.catches(.user1)
            let sent = Atomic(0)
            try Thread.start {
                for number in 1...10_000 {
                    sent.store(number, ordering: .sequentiallyConsistent)
                    try? Signal.user1.send(to: CurrentProcess.id)
                }
            }
            var seen = 0
            while seen < 10_000, Poll.readable(pipe.descriptor, timeout: .seconds(20)) {
                pipe.drain()
                if pipe.take(.user1) { seen = sent.load(ordering: .sequentiallyConsistent) }
            }
            #expect(seen == 10_000)
        }
    }

    @Test("wake makes the descriptor readable without a signal")
    func wake() async {
        await #expect(processExitsWith: .success) {
            let pipe = try SignalPipe()
            pipe.catches(.user1)
            pipe.wake()
            #expect(Poll.readable(pipe.descriptor, timeout: .zero))
            pipe.drain()
            #expect(!pipe.take(.user1))
        }
    }

    @Test("a handler leaves errno alone")
    func keepsErrno() async {
        await #expect(processExitsWith: .success) {
            let pipe = try SignalPipe()
            pipe.catches(.user1)
            for _ in 0..<70_000 {  // the last of them meet a full pipe
                errno = ENOTDIR
                raiseHere(SIGUSR1)
                if errno != ENOTDIR { Issue.record("errno is \(Errno.current)") }
            }
        }
    }

    @Test("a signal that arrives after the pipe's end is no harm")
    func afterwards() async {
        await #expect(processExitsWith: .success) {
            try SignalPipe().catches(.user1)
            raiseHere(SIGUSR1)
        }
    }

    #if os(Linux)
    @Test("a queued reopen is kept apart from a reload")
    func reopen() async {
        await #expect(processExitsWith: .success) {
            let pipe = try SignalPipe()
            pipe.catches(.hangup)
            let folder = TemporaryFolder()
            let file = try FileDescriptor.open(try folder.write("", to: "pid"), [])
            #expect(try Descriptor.tryLock(file.number))
            let identity = try FileStatus(descriptor: file.number).identity
            let ourselves = try ProvenProcess(CurrentProcess.id, .lock(identity, user: nil))

            try ourselves.queueReopen()
            #expect(Poll.readable(pipe.descriptor, timeout: .seconds(20)))
            pipe.drain()
            #expect(!pipe.take(.hangup))
            #expect(pipe.takeReopenOnly())
            #expect(!pipe.takeReopenOnly())

            try ourselves.send(.hangup)
            #expect(Poll.readable(pipe.descriptor, timeout: .seconds(20)))
            pipe.drain()
            #expect(!pipe.takeReopenOnly())
            #expect(pipe.take(.hangup))
        }
    }
    #endif
}
