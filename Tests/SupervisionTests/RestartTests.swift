import Supervision
import Testing

@Suite(.timeLimit(.minutes(20))) struct RestartTests {
    @Test func aWorkerThatLivedLongIsReplacedAtOnce() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.wait(milliseconds: 5000)
        #expect(rig.die(100, by: 11) == ["spawn web"])
    }

    @Test func shortLivesAreEverSlowerUpToTheMaximum() {
        var rig = Rig(plain("web"))
        var waits: [Int64] = []
        for pid in 100..<106 as Range<Int32> {
            rig.exit(pid, 1)
            let wait = (rig.nextDeadline ?? 0) - rig.now
            waits.append(wait)
            rig.wait(milliseconds: wait)
        }
        #expect(waits == [100, 200, 400, 800, 1000, 1000])
    }

    @Test func aLongLifeMakesRestartsQuickAgain() {
        var rig = Rig(plain("web"))
        for pid in 100..<105 as Range<Int32> {
            rig.exit(pid, 1)
            rig.wait(milliseconds: 1000)
        }
        rig.wait(milliseconds: 1000)
        #expect(rig.exit(105, 1) == ["spawn web"])
        rig.exit(106, 1)
        #expect((rig.nextDeadline ?? 0) - rig.now == 100)
    }

    @Test func aBackOffOfNothingIsStillPaced() {
        var rig = Rig(
            plain("web") {
                $0.services[0].restart.backoff.base = .zero
                $0.services[0].restart.backoff.maximum = .zero
            }, starts: false)
        rig.failingSpawns = Array(repeating: 2, count: 100_000)
        rig.configuration.rollout = .persistent
        rig.send(.start)
        #expect(rig.failingSpawns.count == 99_999)
        #expect(rig.nextDeadline != nil)
    }

    @Test func theJitterOnlyAdds() {
        var rig = Rig(
            plain("web") { $0.services[0].restart.backoff.jitter = 50 })
        var waits: Set<Int64> = []
        for pid in 100..<140 as Range<Int32> {
            rig.exit(pid, 1)
            let wait = (rig.nextDeadline ?? 0) - rig.now
            if pid >= 104 { waits.insert(wait) }
            rig.wait(milliseconds: wait + 1)
        }
        #expect(waits.allSatisfy { (1000...1500).contains($0) } && waits.count > 10)
    }

    @Test(arguments: [
        (Restart.When.never, 0, false), (.never, 1, false), (.onFailure, 0, false), (.onFailure, 1, true),
        (.always, 0, true), (.always, 1, true),
    ])
    func thePolicyDecides(when: Restart.When, code: Int32, restarts: Bool) {
        var rig = Rig(
            master("web", "other") {
                $0.services[0].restart.when = when
                $0.services[0].isCritical = false
            })
        rig.ready(100)
        rig.ready(101)
        rig.wait(milliseconds: 5000)
        #expect(rig.exit(100, code) == (restarts ? ["spawn web"] : []))
    }

    @Test func oneRestartTooManyEndsEverythingWithTheGuiltyCode() {
        var rig = Rig(
            plain("web") {
                $0.services[0].restart.limit = Restart.Limit(count: 2, window: .seconds(60))
            })
        rig.exit(100, 70)
        rig.wait(milliseconds: 1000)
        rig.exit(101, 70)
        rig.wait(milliseconds: 1000)
        #expect(rig.exit(102, 70) == ["exit 70"])
        #expect(rig.reports.contains { if case .gaveUp = $0 { true } else { false } })
    }

    @Test func restartsThatLieFarApartAreNoFailure() {
        var rig = Rig(
            plain("web") {
                $0.services[0].restart.limit = Restart.Limit(count: 2, window: .seconds(60))
            })
        for pid in 100..<110 as Range<Int32> {
            rig.wait(milliseconds: 31_000)
            #expect(rig.exit(pid, 70) == ["spawn web"])
        }
    }

    @Test func anUncriticalServiceThatGaveUpIsLeftAlone() {
        var rig = Rig(
            master("web", "stats") {
                $0.services[1].isCritical = false
                $0.services[1].restart.limit = Restart.Limit(count: 0, window: .seconds(60))
            })
        rig.ready(100)
        rig.ready(101)
        #expect(rig.die(101, by: 11) == [])
        #expect(rig.nextDeadline == nil && rig.pids == [100])
    }

    @Test func whatGaveUpIsStartedAgainByAReload() {
        var rig = Rig(
            master("web", "stats") {
                $0.services[1].isCritical = false
                $0.services[1].onReload = .keep
                $0.services[1].restart.when = .never
            })
        rig.ready(100)
        rig.ready(101)
        rig.exit(101, 1)
        #expect(rig.reload() == ["load", "spawn web", "spawn stats"])
    }

    // MARK: What an end means for everything

    @Test func aCrashEndsEverythingWithItsCodeByHAProxysDefault() {
        var rig = Rig(
            master("web", "other") {
                $0.stopsOnFailure = true
                $0.services[0].restart.when = .never
            })
        rig.ready(100)
        rig.ready(101)
        #expect(rig.die(100, by: 9) == ["TERM 101"])
        #expect(rig.exit(101) == ["exit 137"])
    }

    @Test(arguments: [(0, 0), (130, 0), (143, 0), (1, 1), (70, 70)])
    func theExitCodeIsTheFirstBadOne(code: Int32, expected: Int32) {
        var rig = Rig(
            master("web") {
                $0.stopsOnFailure = true
                $0.services[0].restart.when = .never
            })
        rig.ready(100)
        #expect(rig.exit(100, code) == ["exit \(expected)"])
    }

    @Test func aMasterThatStaysWhenItsWorkerCrashedRemembersTheCode() {
        var rig = Rig(master("web") { $0.services[0].restart.when = .never })
        rig.ready(100)
        #expect(rig.die(100, by: 11) == [])
        #expect(rig.stop() == ["exit 139"])
    }

    @Test func aReloadThatReplacesACrashedWorkerForgetsTheCode() {
        var rig = Rig(master("web") { $0.services[0].restart.when = .never })
        rig.ready(100)
        rig.die(100, by: 11)
        rig.reload()
        rig.ready(101)
        rig.stop()
        #expect(rig.exit(101) == ["exit 0"])
    }

    @Test func aRestartIsCountedWhenItHappens() {
        var rig = Rig(plain("web") { $0.services[0].restart.backoff.base = .seconds(1) })
        rig.exit(100, 1)
        #expect(rig.supervisor.restartCounts.isEmpty)
        #expect(rig.wait(milliseconds: 1000) == ["spawn web"])
        #expect(rig.supervisor.restartCounts == ["web": 1])
    }

    @Test func aRestartThatNeverComesIsNotCounted() {
        var rig = Rig(plain("web") { $0.services[0].restart.backoff.base = .seconds(1) })
        rig.exit(100, 1)
        rig.command(.stop("web"))
        rig.wait(milliseconds: 5000)
        #expect(rig.supervisor.restartCounts.isEmpty)
    }

    @Test func theServingWorkerThatDiesAfterAFailedReloadIsNotHidden() {
        var rig = Rig(
            master("web") {
                $0.stopsOnFailure = true
                $0.services[0].restart.when = .never
            })
        rig.ready(100)
        rig.reload()
        rig.exit(101, 1)
        #expect(rig.die(100, by: 9) == ["exit 137"])
    }
}
