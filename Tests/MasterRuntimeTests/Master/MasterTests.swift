import Supervision
import Testing
import Unix

@testable import MasterRuntime

/// Each in a process of its own: a master never returns, and waits for any child.
@Suite("Master", .timeLimit(.minutes(20)))
struct MasterTests {
    // MARK: Children

    @Test("the end of a child is told with its status or its signal")
    func statuses() async {
        await #expect(processExitsWith: .success) {
            try runMaster { master, host in
                host.plan = onlyService(.none)
                var scripts = ["exit 7", "kill -KILL $$", "kill -TERM $$"]
                host.starts = { _ throws(Errno) in try Spawn("/bin/sh", ["-c", scripts.removeFirst()]).start() }
                var statuses: [TerminationStatus] = []
                host.reports = { report in
                    guard case .died(_, let ending, _) = report else { return }
                    statuses.append(ending)
                    guard statuses.count == 3 else { return }
                    #expect(
                        statuses == [
                            .exited(7), .signaled(SIGKILL, dumpedCore: false), .signaled(SIGTERM, dumpedCore: false),
                        ])
                    CurrentProcess.exit(0)
                }
            }
        }
    }

    @Test("what cannot be spawned is told with its errno")
    func notSpawned() async {
        await #expect(processExitsWith: .success) {
            try runMaster { master, host in
                host.plan = onlyService(.none)
                host.starts = { _ throws(Errno) in try Spawn("/nonexistent", []).start() }
                host.reports = { report in
                    guard case .failedToStart(_, let failure) = report else { return }
                    #expect(failure == .notSpawned(ENOENT))
                    CurrentProcess.exit(0)
                }
            }
        }
    }

    @Test("children that ended before the master's loop began are reaped")
    func endedBefore() async {
        await #expect(processExitsWith: .success) {
            let stranger = try Spawn("/bin/true", []).start()
            #expect(try ProcessHandle(pid: stranger).waitForEnd(.seconds(20)))
            try runMaster { master, _ in
                master.after(.zero) {
                    #expect(CurrentProcess.children.isEmpty)
                    CurrentProcess.exit(0)
                }
            }
        }
    }

    @Test("a stop reaches the whole group of a child, and the host's exit comes when all are gone")
    func stop() async {
        await #expect(processExitsWith: .exitCode(0)) {
            try runMaster { master, host in
                host.plan = onlyService(.none)
                host.starts = { _ throws(Errno) in try Spawn("/bin/sh", ["-c", "sleep 600; exit 1"]).start() }
                host.reports = { if case .accepted = $0 { master.after(.zero) { master.stopNow() } } }
            }
        }
    }

    // MARK: Helpers and strangers

    @Test("a helper that ended is reaped and told, and is nothing to the engine")
    func helpers() async {
        await #expect(processExitsWith: .success) {
            try runMaster { master, host in
                var reports = 0
                host.reports = { _ in reports += 1 }
                var statuses: [Int: TerminationStatus] = [:]
                master.after(.zero) {
                    reports = 0
                    for (number, script) in ["exit 3", "kill -TERM $$", "exit 0"].enumerated() {
                        guard let pid = try? Spawn("/bin/sh", ["-c", script]).start() else { continue }
                        master.adopt(helper: pid) { ending in
                            #expect(statuses.updateValue(ending, forKey: number) == nil)
                            guard statuses.count == 3 else { return }
                            #expect(
                                statuses == [0: .exited(3), 1: .signaled(SIGTERM, dumpedCore: false), 2: .exited(0)])
                            #expect(reports == 0 && CurrentProcess.children.isEmpty)
                            CurrentProcess.exit(0)
                        }
                    }
                }
            }
        }
    }

    @Test("strangers are reaped without a word")
    func strangers() async {
        await #expect(processExitsWith: .success) {
            #expect(CurrentProcess.becomeSubreaper())
            // Orphans of a helper, which come to the master as a container's process 1 gets them.
            try runMaster { master, host in
                host.reports = { report in
                    if case .formerDied = report { Issue.record("\(report)") }
                    if case .died = report { Issue.record("\(report)") }
                }
                let pid = try Spawn("/bin/sh", ["-c", "for n in 1 2 3 4 5; do sh -c 'exit 1' & done"]).start()
                func checkAgain() {
                    guard !CurrentProcess.children.isEmpty else { CurrentProcess.exit(0) }
                    master.after(.milliseconds(1), checkAgain)
                }
                master.adopt(helper: pid) { _ in checkAgain() }
            }
        }
    }

    // MARK: Time

    @Test("alarms ring in the order of their times, whatever the order of their making")
    func alarmOrder() async {
        await #expect(processExitsWith: .success) {
            try runMaster { master, _ in
                var rung: [Int] = []
                let base = MonotonicTime.now
                for delay in [30, 10, 0, 20, 10] {
                    master.after(base + .milliseconds(delay) - .now) { rung.append(delay) }
                }
                master.after(base + .milliseconds(31) - .now) {
                    #expect(rung == [0, 10, 10, 20, 30])
                    CurrentProcess.exit(0)
                }
            }
        }
    }

    @Test("alarms that are all due at once ring in the order of their times too")
    func lateAlarms() async {
        await #expect(processExitsWith: .success) {
            try runMaster { master, _ in
                var rung: [Int] = []
                let base = MonotonicTime.now
                for delay in [3, 1, 2] { master.after(base + .milliseconds(delay) - .now) { rung.append(delay) } }
                let due = base + .milliseconds(4)
                while MonotonicTime.now < due {}
                master.after(.milliseconds(1)) {
                    #expect(rung == [1, 2, 3])
                    CurrentProcess.exit(0)
                }
            }
        }
    }

    @Test("an alarm does not ring before its time")
    func notEarly() async {
        await #expect(processExitsWith: .success) {
            try runMaster { master, _ in
                let start = MonotonicTime.now
                master.after(.microseconds(15_300)) {
                    #expect(MonotonicTime.now - start >= .microseconds(15_300))
                    CurrentProcess.exit(0)
                }
            }
        }
    }

    @Test("an alarm that is cancelled does not ring, also when another one of the same moment cancels it")
    func cancel() async {
        await #expect(processExitsWith: .success) {
            try runMaster { master, _ in
                var rung: [String] = []
                let first = master.after(.milliseconds(1)) { rung.append("cancelled") }
                master.cancel(first)
                master.cancel(first)
                var second = 0
                master.after(.zero) {
                    rung.append("canceller")
                    master.cancel(second)
                }
                second = master.after(.zero) { rung.append("cancelled too") }
                master.after(.milliseconds(5)) {
                    #expect(rung == ["canceller"])
                    CurrentProcess.exit(0)
                }
            }
        }
    }

    @Test("an alarm may set the next one, and the loop goes on between them")
    func chain() async {
        await #expect(processExitsWith: .success) {
            try runMaster([.user1]) { master, host in
                var left = 50
                var signals = 0
                host.receives = { _ in signals += 1 }
                func next() {
                    left -= 1
                    raiseHere(SIGUSR1)
                    guard left == 0 else {
                        _ = master.after(.zero, next)
                        return
                    }
                    master.after(.milliseconds(1)) {
                        #expect(signals == 50)
                        CurrentProcess.exit(0)
                    }
                }
                master.after(.zero, next)
            }
        }
    }

    /// What becomes of a child that ended within its time while the master was busy until after it.
    private static func endWhileBusy(_ plan: Plan) throws -> Never {
        let gate = try FileDescriptor.pipe().release()
        let busy = try FileDescriptor.pipe().release()
        try Descriptor.writeAll(busy.write, ".")
        try runMaster { master, host in
            host.plan = plan
            var child: ProcessID = 0
            host.starts = { _ throws(Errno) in
                var spawn = Spawn("/bin/sh", ["-c", "read word; exit 7"])
                spawn.descriptors = [(0, gate.read)]
                child = try spawn.start()
                return child
            }
            try master.watch(busy.read) {
                master.unwatch(busy.read)
                let over = MonotonicTime.now + .milliseconds(110)
                try? Descriptor.writeAll(gate.write, "end\n")
                #expect((try? ProcessHandle(pid: child).waitForEnd(.seconds(20))) == true)
                while MonotonicTime.now < over {}
            }
            host.reports = { report in
                switch report {
                case .failedToStart(_, let failure): #expect(failure == .ended(.exited(7)))
                case .accepted: Issue.record("taken, though it was dead")
                default: return
                }
                CurrentProcess.exit(0)
            }
        }
    }

    @Test("a child that ended in its start has ended, however busy the master was when its time was over")
    func endBeforeTimeout() async {
        await #expect(processExitsWith: .success) {
            try Self.endWhileBusy(onlyService(.notified, startTimeout: .milliseconds(100)))
        }
    }

    @Test("a child that must live for a while and did not is not taken, however busy the master was")
    func endBeforeProbation() async {
        await #expect(processExitsWith: .success) { try Self.endWhileBusy(onlyService(.alive(.milliseconds(100)))) }
    }

    @Test("a child that does not get ready in time has failed")
    func timeout() async {
        await #expect(processExitsWith: .success) {
            try runMaster { master, host in
                host.plan = onlyService(.notified, startTimeout: .milliseconds(10))
                host.starts = { _ throws(Errno) in try Spawn("/bin/sleep", ["600"]).start() }
                host.reports = { report in
                    guard case .failedToStart(_, let failure) = report else { return }
                    #expect(failure == .timedOut)
                    for pid in CurrentProcess.children { try? Signal.kill.send(to: -pid) }
                    CurrentProcess.exit(0)
                }
            }
        }
    }
}
