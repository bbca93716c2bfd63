import Supervision
import Testing

@Suite(.timeLimit(.minutes(20))) struct StartTests {
    @Test func servicesStartAfterThoseTheyComeAfter() {
        var rig = Rig(master("api", "db") { $0.services[0].after = ["db"] }, starts: false)
        #expect(rig.send(.start) == ["load", "spawn db"])
        #expect(rig.ready(100) == ["spawn api"])
        #expect(rig.supervisor.isFirstRollout)
        rig.ready(101)
        #expect(!rig.supervisor.isFirstRollout && rig.supervisor.generation == 1)
    }

    @Test func allInstancesStartAtOnce() {
        var rig = Rig(master("web") { $0.services[0].instances = 3 }, starts: false)
        #expect(rig.send(.start) == ["load", "spawn web", "spawn web", "spawn web"])
        #expect(rig.supervisor.children.values.map(\.instance).sorted() == [0, 1, 2])
    }

    @Test func aProgramWithoutReadinessServesFromItsSpawnOn() {
        let rig = Rig(plain("cron"))
        #expect(rig.supervisor.children.values.allSatisfy { $0.phase == .ready })
    }

    @Test func anIntervalMustBeSurvived() {
        var rig = Rig(superdaemon())
        rig.wait(milliseconds: 999)
        #expect(rig.supervisor.child(withPID: 100)?.phase == .starting)
        rig.wait(milliseconds: 1)
        #expect(rig.supervisor.child(withPID: 100)?.phase == .ready)
        #expect(rig.nextDeadline == nil)
    }

    @Test func readyIsTakenBeforeTheIntervalIsOver() {
        var rig = Rig(superdaemon())
        rig.ready(100)
        #expect(rig.supervisor.child(withPID: 100)?.phase == .ready)
    }

    @Test func readyFromAStrangerOrFromTheDeadMeansNothing() {
        var rig = Rig(master("web") { $0.rollout = .persistent })
        #expect(rig.ready(4242) == [])
        rig.exit(100, 1)
        #expect(rig.ready(100) == [])
        #expect(rig.supervisor.isFirstRollout)
    }

    @Test func aFirstStartThatFailsEndsEverythingWithOne() {
        var rig = Rig(master("db", "api") { $0.services[1].isCritical = true })
        rig.ready(100)
        #expect(rig.exit(101, 7) == ["TERM 100", "TERM 100"])
        #expect(rig.die(100, by: 15) == ["exit 1"])
    }

    @Test func aFirstStartWithoutAnExecutableEndsEverythingWithOne() {
        var rig = Rig(master("web"), starts: false)
        rig.failingSpawns = [2]
        #expect(rig.send(.start) == ["load", "spawn web", "exit 1"])
    }

    @Test func aConfigurationThatCannotBeReadAtStartEndsEverythingWithOne() {
        var rig = Rig(master("web"), starts: false)
        rig.isBroken = true
        #expect(rig.send(.start) == ["load", "exit 1"])
    }

    @Test func aStartThatTakesTooLongHasFailed() {
        var rig = Rig(master("web"))
        #expect(rig.wait(milliseconds: 59_999) == [])
        #expect(rig.wait(milliseconds: 1).first == "TERM 100")
        #expect(rig.die(100, by: 15) == ["exit 1"])
    }

    @Test func aStartWithoutALimitMayTakeForEver() {
        var rig = Rig(master("web") { $0.services[0].startTimeout = nil })
        #expect(rig.nextDeadline == nil)
        rig.wait(milliseconds: 1_000_000_000)
        rig.ready(100)
        #expect(rig.supervisor.generation == 1 && !rig.supervisor.isReloading)
    }

    @Test func theSuperdaemonTriesAgainEveryInterval() {
        var rig = Rig(superdaemon())
        #expect(rig.exit(100, 1) == [])
        #expect(rig.nextDeadline == 1000)
        #expect(rig.wait(milliseconds: 1000) == ["spawn worker"])
        #expect(rig.supervisor.generation == 2)
    }

    @Test func aHangingStartIsReplacedByAnother() {
        var rig = Rig(master("worker") { $0.rollout = .persistent })
        #expect(rig.wait(milliseconds: 60_000) == ["TERM 100", "spawn worker"])
        rig.ready(101)
        #expect(rig.supervisor.generation == 2 && rig.pids == [100, 101])
        #expect(rig.wait(milliseconds: 10_000) == ["KILL 100"])
    }

    @Test func anIntervalOfZeroWithABrokenProgramIsPaced() {
        var rig = Rig(superdaemon { $0.services[0].readiness = .alive(.zero) }, starts: false)
        rig.failingSpawns = Array(repeating: 2, count: 1000)
        rig.send(.start)
        rig.wait(milliseconds: 10_000)
        // 100, 200, 400, 800 ms, then every second.
        #expect(rig.failingSpawns.count == 1000 - 13)
    }

    @Test func anUncriticalServiceThatCannotStartDoesNotHoldUpTheOthers() {
        var rig = Rig(
            master("web", "stats") {
                $0.services[1].isCritical = false
                $0.services[1].restart.when = .never
            })
        rig.ready(100)
        #expect(rig.exit(101, 1) == [])
        #expect(!rig.supervisor.isFirstRollout && rig.pids == [100])
    }
}
