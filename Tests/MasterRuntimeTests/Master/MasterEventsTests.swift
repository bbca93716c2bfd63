import Supervision
import Testing
import Unix

@testable import MasterRuntime

@Suite("Signals, descriptors and events of a master", .timeLimit(.minutes(20)))
struct MasterEventsTests {
    // MARK: Signals

    @Test("signals that came together are handed on in the order that was asked for, each once")
    func order() async {
        await #expect(processExitsWith: .success) {
            try runMaster([.terminate, .user1, .hangup]) { master, host in
                var received: [Signal] = []
                host.receives = { received.append($0) }
                master.after(.zero) {
                    for number in [SIGHUP, SIGUSR1, SIGHUP, SIGTERM, SIGUSR1] { raiseHere(number) }
                    master.after(.milliseconds(1)) {
                        #expect(received == [.terminate, .user1, .hangup])
                        CurrentProcess.exit(0)
                    }
                }
            }
        }
    }

    @Test("a signal that came before the loop is not lost")
    func early() async {
        await #expect(processExitsWith: .success) {
            try runMaster([.user1]) { _, host in
                host.receives = { _ in CurrentProcess.exit(0) }
                raiseHere(SIGUSR1)
            }
        }
    }

    @Test("ten thousand signals wake it, and it goes on")
    func storm() async {
        await #expect(processExitsWith: .success) {
            try runMaster([.user1, .user2]) { master, host in
                var count = 0
                host.receives = { signal in
                    count += 1
                    guard signal == .user2 else { return }
                    #expect(count >= 2)
                    CurrentProcess.exit(0)
                }
                for _ in 0..<10_000 { raiseHere(SIGUSR1) }
                master.after(.milliseconds(1)) { raiseHere(SIGUSR2) }
            }
        }
    }

    // MARK: Descriptors

    @Test("what is watched is told as long as it is readable, and not after it is unwatched")
    func watch() async {
        await #expect(processExitsWith: .success) {
            let ends = try FileDescriptor.pipe().release()
            try runMaster { master, _ in
                var calls = 0
                try master.watch(ends.read) {
                    calls += 1
                    if calls == 3 { master.unwatch(ends.read) }
                }
                try Descriptor.writeAll(ends.write, "x")
                var rounds = 0
                func again() {
                    rounds += 1
                    guard rounds == 10 else {
                        master.after(.zero, again)
                        return
                    }
                    #expect(calls == 3)
                    CurrentProcess.exit(0)
                }
                master.after(.zero, again)
            }
        }
    }

    @Test("one that is unwatched by another of the same round is not told")
    func unwatchedByOther() async {
        await #expect(processExitsWith: .success) {
            let (one, two) = (try FileDescriptor.pipe().release(), try FileDescriptor.pipe().release())
            try runMaster { master, _ in
                var calls = 0
                for (own, other) in [(one.read, two.read), (two.read, one.read)] {
                    try master.watch(own) {
                        calls += 1
                        master.unwatch(own)
                        master.unwatch(other)
                    }
                }
                for end in [one.write, two.write] { try Descriptor.writeAll(end, "x") }
                master.after(.milliseconds(5)) {
                    #expect(calls == 1)
                    CurrentProcess.exit(0)
                }
            }
        }
    }

    @Test("what is watched for writing only is told when it is writable")
    func writing() async {
        await #expect(processExitsWith: .success) {
            let ends = try FileDescriptor.pipe().release()
            try runMaster { master, _ in
                try master.watch(ends.write) { CurrentProcess.exit(0) }
                try master.watch(ends.write, reading: false, writing: true)
            }
        }
    }

    @Test("what is watched twice, or not open, is an error")
    func mistakes() async {
        await #expect(processExitsWith: .success) {
            let ends = try FileDescriptor.pipe().release()
            try runMaster { master, _ in
                try master.watch(ends.read) {}
                #expect(throws: Errno.fileExists) { try master.watch(ends.read) {} }
                #expect(throws: Errno.badDescriptor) { try master.watch(9999) {} }
                CurrentProcess.exit(0)
            }
        }
    }

    // MARK: Events

    @Test("an event that is sent while another is handled comes after it, and before all that is outside")
    func nested() async {
        await #expect(processExitsWith: .success) {
            try runMaster([.user1]) { master, host in
                host.plan = onlyService(.none)
                host.starts = { _ throws(Errno) in try Spawn("/bin/sleep", ["600"]).start() }
                var happened: [String] = []
                host.receives = { _ in happened.append("signal") }
                host.answers = { number, _ in happened.append("answer \(number)") }
                host.reports = { report in
                    switch report {
                    case .accepted:
                        raiseHere(SIGUSR1)
                        master.send(.stop(StopRequest(.now)))
                        // Too late: everything is being stopped.
                        master.send(.reload(1))
                        happened.append("accepted")
                    case .stopping: happened.append("stopping")
                    case .ended:
                        // On a busy machine the child may end before the signal is looked at.
                        #expect(happened.prefix(3) == ["accepted", "stopping", "answer 1"])
                        #expect(happened.count == 3 || happened[3] == "signal")
                    default: break
                    }
                }
            }
        }
    }

    @Test("every requester of a reload is answered")
    func answers() async {
        await #expect(processExitsWith: .success) {
            try runMaster { master, host in
                host.plan = onlyService(.none)
                host.starts = { _ throws(Errno) in try Spawn("/bin/sleep", ["600"]).start() }
                var answered: Set<Requester> = []
                host.answers = { number, answer in
                    if case .failed = answer { Issue.record("\(answer)") }
                    #expect(answered.insert(number).inserted)
                    if answered.count == 100 { master.after(.zero) { master.stopNow() } }
                }
                master.after(.zero) { for number in 1...100 { master.send(.reload(number)) } }
            }
        }
    }
}
