import Supervision
import Testing

/// start, stop, restart and scale of one service.
@Suite(.timeLimit(.minutes(20))) struct CommandTests {
    /// web is 100, cron 101; both serve for a while.
    private func rig(change: (inout Plan) -> Void = { _ in }) -> Rig {
        var rig = Rig(master("web", "cron", change: change))
        rig.ready(100)
        rig.ready(101)
        rig.wait(milliseconds: 5000)
        return rig
    }

    // MARK: stop and start

    @Test func aStopIsAnsweredWhenTheChildrenAreGone() {
        var rig = rig()
        #expect(rig.command(.stop("web"), 7) == ["TERM 100"])
        #expect(rig.supervisor.disabled == ["web"])
        #expect(rig.die(100, by: 15) == ["answer 7: done 1"])
        #expect(rig.wait(milliseconds: 60_000) == [])
        #expect(rig.pids == [101])
    }

    @Test func whoDoesNotObeyAStopIsKilled() {
        var rig = rig()
        rig.command(.stop("web"), 7)
        #expect(rig.wait(milliseconds: 10_000) == ["KILL 100"])
        #expect(rig.die(100, by: 9) == ["answer 7: done 1"])
    }

    @Test func aStopByHandEndsNothingElse() {
        var rig = rig { $0.stopsOnFailure = true }
        rig.command(.stop("web"))
        rig.command(.stop("cron"))
        #expect(rig.exit(100, 1) == [])
        #expect(rig.exit(101, 1) == [])
        #expect(rig.supervisor.stopRequest == nil)
        #expect(rig.stop() == ["exit 0"])
    }

    @Test func aStartFillsWhatWasStopped() {
        var rig = rig()
        rig.command(.stop("web"))
        rig.die(100, by: 15)
        #expect(rig.command(.start("web"), 7) == ["spawn web"])
        #expect(rig.supervisor.disabled.isEmpty)
        #expect(rig.ready(102) == ["answer 7: done 1"])
    }

    @Test func aStartDuringAStopStartsAgainWhatEnds() {
        var rig = rig()
        rig.command(.stop("web"), 7)
        #expect(rig.command(.start("web"), 8) == [])
        #expect(rig.die(100, by: 15) == ["spawn web", "answer 7: done 1"])
        #expect(rig.ready(102) == ["answer 8: done 1"])
    }

    @Test func aStopDuringAStartFailsTheStart() {
        var rig = rig()
        rig.command(.stop("web"))
        rig.die(100, by: 15)
        rig.command(.start("web"), 7)
        #expect(rig.command(.stop("web"), 8) == ["answer 7: web stopped", "TERM 102"])
        #expect(rig.die(102, by: 15) == ["answer 8: done 1"])
    }

    @Test func aStartOfWhatServesIsDone() {
        var rig = rig()
        #expect(rig.command(.start("web"), 7) == ["answer 7: done 1"])
    }

    @Test func aStartRevivesWhatGaveUp() {
        var rig = rig {
            $0.services[1].isCritical = false
            $0.services[1].restart.limit = Restart.Limit(count: 0, window: .seconds(60))
        }
        rig.exit(101, 1)
        #expect(rig.supervisor.hasFailed(service: "cron"))
        #expect(rig.command(.start("cron"), 7) == ["spawn cron"])
        #expect(!rig.supervisor.hasFailed(service: "cron"))
        #expect(rig.exit(102, 1) == ["answer 7: cron gave up"])
        #expect(rig.supervisor.hasFailed(service: "cron"))
    }

    @Test func aStartDoesNotWaitForTheBackOff() {
        var rig = rig()
        rig.exit(100, 1)
        rig.ready(102)
        #expect(rig.exit(102, 1) == [])
        #expect(rig.command(.start("web"), 7) == ["spawn web"])
        #expect(rig.wait(milliseconds: 1000) == [])
    }

    @Test func anUnknownServiceIsToldSo() {
        var rig = rig()
        #expect(rig.command(.start("wbe"), 7) == ["answer 7: no service wbe"])
        #expect(rig.command(.scale("", 3), 8) == ["answer 8: no service "])
    }

    // MARK: Reloads

    @Test func whatIsHeldStaysSoOverAReload() {
        var rig = rig()
        rig.command(.stop("web"))
        rig.die(100, by: 15)
        #expect(rig.reload(7) == ["load", "spawn cron"])
        #expect(rig.ready(102) == ["TERM 101", "answer 7: done 2"])
        #expect(rig.supervisor.disabled == ["web"])
        #expect(rig.command(.start("web"), 8) == ["spawn web"])
        #expect(rig.supervisor.child(withPID: 103)?.generation == 2)
    }

    @Test func aServiceThatAReloadForgetsIsNoLongerHeld() {
        var rig = rig()
        rig.command(.stop("web"))
        rig.die(100, by: 15)
        rig.configuration = master("cron")
        rig.reload()
        rig.ready(102)
        #expect(rig.supervisor.disabled.isEmpty)
        rig.configuration = master("web", "cron")
        #expect(rig.reload() == ["load", "spawn web", "spawn cron"])
    }

    @Test func aCommandDuringAReloadIsDoneAfterIt() {
        var rig = rig()
        rig.reload(7)
        #expect(rig.command(.stop("web"), 8) == [])
        rig.ready(102)
        #expect(rig.ready(103) == ["TERM 100", "TERM 101", "answer 7: done 2", "TERM 102"])
        #expect(rig.die(102, by: 15) == ["answer 8: done 2"])
    }

    @Test func aCommandComesBeforeTheNextReload() {
        var rig = rig()
        rig.reload()
        rig.reload()
        rig.command(.restart("cron"), 8)
        rig.ready(102)
        #expect(rig.ready(103).suffix(4) == ["TERM 103", "load", "spawn web", "spawn cron"])
    }

    @Test func aCommandIsDoneAfterAReloadThatFailedToo() {
        var rig = rig()
        rig.reload()
        rig.command(.stop("cron"), 8)
        #expect(rig.exit(102, 1) == ["TERM 103", "TERM 101"])
    }

    // MARK: restart

    @Test func aRestartStopsFirstAndIsAnsweredWhenReady() {
        var rig = rig()
        #expect(rig.command(.restart("web"), 7) == ["TERM 100"])
        #expect(rig.die(100, by: 15) == ["spawn web"])
        #expect(rig.supervisor.restartCounts.isEmpty)
        #expect(rig.ready(102) == ["answer 7: done 1"])
    }

    @Test func aRestartReachesAChildThatIsStillStarting() {
        var rig = rig()
        rig.exit(100, 1)
        #expect(rig.command(.restart("web"), 7) == ["TERM 102"])
        #expect(rig.die(102, by: 15) == ["spawn web"])
    }

    @Test func aRestartReachesAChildThatIsBeingSpawned() {
        var rig = rig()
        rig.reload()
        rig.ready(102)
        rig.exit(103, 1)
        rig.command(.scale("cron", 2), 7)
        #expect(rig.command(.restart("cron"), 8).contains("TERM 101"))
    }

    @Test func aRestartStartsWhatIsHeld() {
        var rig = rig()
        rig.command(.stop("web"))
        rig.die(100, by: 15)
        #expect(rig.command(.restart("web"), 7) == ["spawn web"])
    }

    // MARK: scale

    @Test func moreInstancesAreStarted() {
        var rig = rig()
        #expect(rig.command(.scale("web", 3), 7) == ["spawn web", "spawn web"])
        #expect(rig.ready(102) == [])
        #expect(rig.ready(103) == ["answer 7: done 1"])
        #expect(rig.supervisor.children.values.filter { $0.service == "web" }.map(\.instance).sorted() == [0, 1, 2])
        #expect(rig.supervisor.plan?.services[0].instances == 3)
    }

    @Test func fewerInstancesRetireTheHighest() {
        var rig = rig { $0.services[0].instances = 3 }
        rig.ready(102)
        rig.ready(103)
        #expect(rig.command(.scale("web", 1), 7) == ["TERM 101", "TERM 102", "answer 7: done 1"])
        #expect(rig.exit(101) == [])
    }

    @Test func noInstanceIsNoEnd() {
        var rig = rig()
        #expect(rig.command(.scale("web", 0), 7) == ["TERM 100", "answer 7: done 1"])
        #expect(rig.command(.scale("cron", 0), 8) == ["TERM 101", "answer 8: done 1"])
        rig.exit(100)
        #expect(rig.exit(101) == [])
        #expect(rig.command(.scale("web", 1), 9) == ["spawn web"])
    }

    @Test func aReloadSaysAgainHowManyThereAre() {
        var rig = rig()
        rig.command(.scale("web", 2))
        rig.ready(102)
        #expect(rig.reload() == ["load", "spawn web", "spawn cron"])
    }

    @Test func scaledInstancesOfAKeptServiceAreOfTheNewPlanToo() {
        var rig = rig { $0.services[0].onReload = .keep }
        rig.command(.scale("web", 3))
        rig.ready(102)
        rig.ready(103)
        rig.reload()
        #expect(rig.ready(104) == ["TERM 101", "TERM 102", "TERM 103"])
    }

    @Test func whatIsHeldAndScaledStartsOnlyWhenItIsToldTo() {
        var rig = rig()
        rig.command(.stop("web"))
        rig.die(100, by: 15)
        #expect(rig.command(.scale("web", 2), 7) == ["answer 7: done 1"])
        #expect(rig.command(.start("web"), 8) == ["spawn web", "spawn web"])
    }

    @Test func aNumberBeyondTheBoundsIsTheBound() {
        var rig = rig()
        #expect(rig.command(.scale("web", -5)) == ["TERM 100"])
        #expect(rig.command(.scale("web", 5000)).count == 1000)
    }

    // MARK: Stops and upgrades

    @Test func duringAStopACommandIsRefused() {
        var rig = rig()
        rig.reload()
        rig.command(.start("web"), 6)
        rig.stop()
        #expect(rig.command(.start("web"), 7) == ["answer 7: stopping"])
        #expect(rig.send(.waitReady(8)) == ["answer 8: stopping"])
    }

    @Test func aStopAnswersWhoeverWaits() {
        var rig = rig()
        rig.command(.restart("web"), 5)
        rig.reload()
        rig.command(.start("web"), 6)
        rig.send(.waitReady(7))
        let answers = Set(rig.stop().filter { $0.hasPrefix("answer") })
        #expect(answers == ["answer 5: stopping", "answer 6: stopping", "answer 7: stopping"])
    }

    @Test func everythingIsKnownToTheNextImage() {
        var rig = rig()
        rig.exit(101, 1)
        rig.ready(102)
        rig.command(.restart("cron"), 5)
        rig.command(.stop("web"), 6)
        rig.restart()
        #expect(rig.supervisor.disabled == ["web"])
        #expect(rig.supervisor.restartCounts == ["cron": 1])
        #expect(rig.die(100, by: 15) == ["answer 6: done 1"])
        #expect(rig.die(102, by: 15) == ["spawn cron"])
        #expect(rig.ready(103) == ["answer 5: done 1"])
    }

    @Test func aQueuedCommandIsKnownToTheNextImage() {
        var rig = rig()
        rig.reload()
        rig.command(.scale("web", 0), 5)
        rig.restart()
        rig.send(.resumed)
        rig.ready(102)
        #expect(rig.ready(103).contains("TERM 102"))
    }
}
