import Supervision
import Testing

/// Nobody waits for a child between its fork and its exec: its user may hold it there.
@Suite("Children on the way to their programs", .timeLimit(.minutes(20)))
struct ExecutionTests {
    private static func rig(_ plan: Plan) -> Rig {
        var rig = Rig(plan, starts: false)
        rig.isSlowToExecute = true
        rig.send(.start)
        return rig
    }

    private static func failures(_ rig: Rig) -> [StartFailure] {
        rig.reports.compactMap { if case .failedToStart(_, let failure) = $0 { failure } else { nil } }
    }

    private static func isStarted(_ rig: Rig) -> Bool {
        rig.reports.contains { if case .starting = $0 { true } else { false } }
    }

    @Test("what counts from its start counts when its program runs")
    func none() {
        var rig = Self.rig(plain("a"))
        #expect(rig.supervisor.isFirstRollout && !Self.isStarted(rig))
        rig.send(.executed(pid: 100))
        #expect(!rig.supervisor.isFirstRollout && Self.isStarted(rig))
        #expect(rig.supervisor.children.values.map(\.phase) == [.ready])
    }

    @Test("the time for which it must live begins with its program")
    func alive() {
        var rig = Self.rig(superdaemon())
        rig.wait(milliseconds: 700)
        rig.send(.executed(pid: 100))
        rig.wait(milliseconds: 900)
        #expect(rig.supervisor.isFirstRollout)
        rig.wait(milliseconds: 100)
        #expect(!rig.supervisor.isFirstRollout)
    }

    @Test("who speaks runs his program")
    func ready() {
        var rig = Self.rig(master("a"))
        rig.ready(100)
        #expect(rig.supervisor.children.values.map(\.phase) == [.ready])
        #expect(rig.send(.executed(pid: 100)) == [])
        #expect(rig.supervisor.children.values.map(\.phase) == [.ready])
    }

    @Test("a program that cannot be executed fails a start and a reload, as one that cannot be spawned")
    func failedReload() {
        var rig = Rig(master("a"))
        rig.ready(100)
        rig.isSlowToExecute = true
        rig.reload(7)
        #expect(rig.send(.notExecuted(pid: 101, errno: 2)) == ["answer 7: a not spawned: 2"])
        #expect(Self.failures(rig) == [.notSpawned(2)])
        // It is not forgotten before it is reaped, and its end is nobody's news.
        #expect(rig.pids == [100, 101])
        let reports = rig.reports.count
        rig.die(101, by: 9)
        #expect(rig.pids == [100])
        #expect(rig.reports.dropFirst(reports) == [.changed])
        #expect(rig.supervisor.children.values.map(\.phase) == [.ready])
    }

    @Test("a restart whose program cannot be executed goes on at its pace")
    func restart() {
        var rig = Self.rig(plain("a"))
        rig.send(.executed(pid: 100))
        rig.wait(milliseconds: 60_000)
        rig.exit(100, 1)
        #expect(rig.pids == [101])
        rig.send(.notExecuted(pid: 101, errno: 13))
        rig.exit(101, 127)
        #expect(Self.failures(rig) == [.notSpawned(13)])
        rig.wait(milliseconds: 60_000)
        #expect(rig.pids == [102])
    }

    @Test("who does not come to his program in his time is ended, and killed when he is held")
    func timeout() {
        var rig = Rig(
            plain("a") { plan in
                plan.services[0].startTimeout = .seconds(60)
                plan.services[0].stopTimeout = .seconds(10)
            })
        rig.isSlowToExecute = true
        rig.reload(7)
        #expect(rig.wait(milliseconds: 60_000) == ["TERM 101", "answer 7: a timed out"])
        #expect(rig.wait(milliseconds: 10_000) == ["KILL 101"])
        rig.die(101, by: 9)
        #expect(rig.pids == [100])
    }

    @Test("a stop does not wait for the program")
    func stop() {
        var rig = Self.rig(plain("a") { $0.services[0].stopTimeout = .seconds(10) })
        #expect(rig.stop() == ["TERM 100"])
        #expect(rig.wait(milliseconds: 10_000) == ["KILL 100"])
        #expect(rig.die(100, by: 9) == ["exit 0"])
    }

    @Test("a stop takes no failed exec for a crash")
    func stopFailed() {
        var rig = Self.rig(plain("a"))
        rig.stop()
        rig.send(.notExecuted(pid: 100, errno: 2))
        #expect(rig.die(100, by: 9) == ["exit 0"])
    }

    @Test("the next image knows who was on his way")
    func upgrade() {
        var rig = Self.rig(plain("a"))
        rig.restart()
        #expect(rig.supervisor.children.values.map(\.phase) == [.executing])
        rig.send(.executed(pid: 100))
        #expect(rig.supervisor.children.values.map(\.phase) == [.ready])
    }

    @Test("a reload signal is for a program")
    func reloadSignal() {
        var rig = Self.rig(plain("a") { $0.services[0].onReload = .signal(1) })
        rig.isSlowToExecute = true
        rig.send(.executed(pid: 100))
        rig.exit(100, 1)
        rig.wait(milliseconds: 60_000)
        let pid = rig.pids[0]
        #expect(rig.reload() == ["load"])
        #expect(rig.send(.executed(pid: pid)) == ["HUP \(pid)"])
    }
}
