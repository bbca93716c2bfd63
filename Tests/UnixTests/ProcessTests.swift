import Synchronization
import Testing
import Unix

@Suite("Processes", .timeLimit(.minutes(20)))
struct ProcessTests {
    private static func start(_ script: String) throws -> ProcessID { try Spawn("/bin/sh", ["-c", script]).start() }

    /// A program that runs until it is killed.
    private static func startSleeper() throws -> ProcessID { try Spawn("/bin/sleep", ["600"]).start() }

    // MARK: Child

    @Test("a child's exit status is told", arguments: [0, 1, 77, 255])
    func exitStatus(code: Int32) throws {
        let pid = try Self.start("exit \(code)")
        let status = try Child.reap(pid, waiting: true)
        #expect(status == .exited(code))
        #expect(status?.shellCode == code && status?.description == "exit status \(code)")
    }

    @Test("a child's signal is told", arguments: [Signal.terminate, .kill, .user1])
    func signaled(signal: Signal) throws {
        let pid = try Self.startSleeper()
        try signal.send(to: pid)
        let status = try Child.reap(pid, waiting: true)
        #expect(status == .signaled(signal))
        #expect(status?.shellCode == 128 + signal.rawValue && status?.description == signal.description)
    }

    @Test("a running child is nil when nobody waits, and is reaped later")
    func running() throws {
        let pid = try Self.startSleeper()
        #expect(try Child.reap(pid, waiting: false) == nil)
        try Signal.kill.send(to: pid)
        #expect(try eventually { try Child.reap(pid, waiting: false) == .signaled(.kill) })
    }

    @Test("a child is reaped once")
    func reapedOnce() throws {
        let pid = try Self.start("exit 0")
        _ = try Child.reap(pid, waiting: true)
        #expect(throws: Errno(rawValue: ECHILD)) { try Child.reap(pid, waiting: true) }
    }

    @Test("a stranger is not a child")
    func stranger() {
        #expect(throws: Errno(rawValue: ECHILD)) { try Child.reap(1, waiting: false) }
    }

    @Test("reapAny takes one ended child a call, whichever it is, and then none")
    func reapAny() async {
        await #expect(processExitsWith: .success) {
            var ended: [ProcessID: Unix.ExitStatus] = [:]
            let pids = try (1...3).map { try Self.start("exit \($0)") }
            #expect(
                eventually {
                    if let (pid, status, _) = Child.reapAny() { ended[pid] = status }
                    return ended.count == 3
                })
            #expect(pids.map { ended[$0] } == [.exited(1), .exited(2), .exited(3)])
            #expect(Child.reapAny() == nil)
        }
    }

    // MARK: CurrentProcess

    #if os(Linux)
    @Test("orphans of a subreaper become its children")
    func subreaper() async {
        await #expect(processExitsWith: .success) {
            #expect(CurrentProcess.becomeSubreaper())
            let ends = try FileDescriptor.pipe()
            var spawn = Spawn("/bin/sh", ["-c", "(echo $$ >/dev/null; exec sh -c 'echo $$; exit 33') & exit 0"])
            spawn.descriptors = [(child: 1, ours: ends.write.number)]
            let parent = try spawn.start()
            #expect(try Child.reap(parent, waiting: true) == .exited(0))
            var buffer = [UInt8](repeating: 0, count: 64)
            let count = try Descriptor.read(ends.read.number, into: &buffer)
            let orphan = try #require(ProcessID(String(decoding: buffer[..<(count - 1)], as: UTF8.self)))
            #expect(try Child.reap(orphan, waiting: true) == .exited(33))
        }
    }
    #endif

    @Test("threads are counted")
    func threadCount() throws {
        let ends = try FileDescriptor.pipe()
        let gate = ends.read.number
        let started = Mutex(0)
        for _ in 0..<20 {
            try Thread.start {
                started.withLock { $0 += 1 }
                _ = Poll.readable(gate, timeout: nil)
                started.withLock { $0 -= 1 }
            }
        }
        #expect(eventually { started.withLock { $0 } == 20 })
        #expect(CurrentProcess.threadCount >= 21)
        try Descriptor.writeAll(ends.write.number, ".")
        #expect(eventually { started.withLock { $0 } == 0 })
    }
}
