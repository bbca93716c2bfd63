import Testing

@testable import Supervision

/// Children that end well and are not to be restarted, and one-shots.
@Suite(.timeLimit(.minutes(20))) struct FinishedTests {
    private func once(_ change: (inout Plan) -> Void = { _ in }) -> Plan {
        var plan = plain("web", "once") {
            $0.stopsOnFailure = true
            $0.services[1].restart.when = .never
        }
        change(&plan)
        return plan
    }

    @Test(arguments: [0, 130, 143] as [Int32])
    func aGoodEndThatNothingFollowsEndsNothing(code: Int32) {
        var rig = Rig(once())
        #expect(rig.exit(101, code) == [])
        #expect(rig.pids == [100] && rig.nextDeadline == nil)
        rig.stop()
        #expect(rig.exit(100) == ["exit 0"])
    }

    @Test func theSameWithoutACriticalOneThatServesOn() {
        var rig = Rig(once { $0.services[0].isCritical = false })
        #expect(rig.exit(101) == [])
        #expect(rig.pids == [100])
    }

    @Test func aBadEndIsAFailureAsEver() {
        var rig = Rig(once())
        #expect(rig.exit(101, 3) == ["TERM 100"])
        #expect(rig.exit(100) == ["exit 3"])
    }

    @Test func whenNothingIsLeftToRunEverythingEnds() {
        var rig = Rig(once { $0.services[0].restart.when = .onFailure })
        rig.exit(101)
        #expect(rig.exit(100) == ["exit 0"])
        #expect(rig.reports.contains(.nothingLeft))
    }

    @Test func anOldWorkerIsSomethingThatIsLeft() {
        var rig = Rig(once { $0.services.removeFirst() })
        #expect(rig.pids == [100])
        #expect(rig.reload() == ["load", "spawn once", "TERM 100"])
        #expect(rig.exit(101) == [])
        #expect(rig.exit(100) == ["exit 0"])
    }

    @Test func whatWasStoppedByHandIsLeft() {
        var rig = Rig(once())
        rig.command(.stop("web"))
        rig.exit(100)
        #expect(rig.exit(101) == [])
        #expect(rig.command(.start("web")) == ["spawn web"])
    }

    @Test func aCrashThatIsRememberedKeepsTheMaster() {
        var rig = Rig(
            once {
                $0.stopsOnFailure = false
                $0.services[0].restart.when = .never
            })
        rig.exit(101)
        #expect(rig.die(100, by: 11) == [])
        #expect(rig.stop() == ["exit 139"])
    }

    @Test func anEndDuringAStartFailsNothing() {
        var rig = Rig(
            master("web") {
                $0.services.append(Service(name: "once", stopSignal: 15))
                $0.services[1].restart.when = .never
            })
        #expect(rig.exit(101) == [])
        rig.ready(100)
        #expect(rig.supervisor.plan != nil && rig.pids == [100])
    }

    @Test func anEndDuringAReloadFailsNothing() {
        var rig = Rig(
            master("web") {
                $0.services.append(Service(name: "once", stopSignal: 15))
                $0.services[1].restart.when = .never
            })
        rig.ready(100)
        rig.reload(1)
        #expect(rig.exit(103) == [])
        #expect(rig.exit(101) == [])
        #expect(rig.ready(102) == ["TERM 100", "answer 1: done 2"])
    }

    /// Nobody knows whether it would have served.
    @Test func whoEndsBeforeHeIsReadyHasFailedWhateverHisCode() {
        var rig = Rig(master("web") { $0.services[0].restart.when = .never })
        #expect(rig.exit(100) == ["exit 1"])
    }

    @Test func whatIsKeptAndHasFinishedIsNotRunAgain() {
        var rig = Rig(once { $0.services[1].onReload = .keep })
        rig.exit(101)
        #expect(rig.reload() == ["load", "spawn web", "TERM 100"])
        rig.exit(100)
        #expect(rig.command(.start("once"), 1) == ["spawn once", "answer 1: done 2"])
    }

    @Test func whatAReloadRestartsIsRunAgain() {
        var rig = Rig(once { $0.services[1].onReload = .restart })
        rig.exit(101)
        #expect(rig.reload() == ["load", "spawn web", "spawn once", "TERM 100"])
    }

    @Test func aFinishedOneIsKnownToTheNextImage() {
        var rig = Rig(once())
        rig.exit(101)
        rig.restart()
        #expect(rig.send(.resumed) == [])
        #expect(rig.nextDeadline == nil && rig.supervisor.census.current.finished == 1)
    }

    // MARK: One-shots

    private func job(_ change: (inout Plan) -> Void = { _ in }) -> Plan {
        master("job", "web") {
            $0.services[0].readiness = .completed
            $0.services[0].restart.when = .never
            $0.services[1].after = ["job"]
            $0.stopsOnFailure = true
            change(&$0)
        }
    }

    @Test func aOneShotIsReadyWhenItHasEndedWithSuccess() {
        var rig = Rig(job())
        #expect(rig.pids == [100])
        #expect(rig.ready(100) == [])
        #expect(rig.exit(100) == ["spawn web"])
        rig.ready(101)
        #expect(rig.supervisor.plan != nil && rig.pids == [101])
        #expect(rig.reports.contains { if case .completed = $0 { true } else { false } })
    }

    @Test(arguments: [1, 143] as [Int32])
    func aOneShotThatFailsFailsTheStart(code: Int32) {
        var rig = Rig(job())
        #expect(rig.exit(100, code) == ["exit 1"])
    }

    @Test func aOneShotRunsAgainAtEachReload() {
        var rig = Rig(job())
        rig.exit(100)
        rig.ready(101)
        #expect(rig.reload(1) == ["load", "spawn job"])
        #expect(rig.exit(102) == ["spawn web"])
        #expect(rig.ready(103) == ["TERM 101", "answer 1: done 2"])
    }

    @Test func aOneShotThatFailsInAReloadChangesNothing() {
        var rig = Rig(job())
        rig.exit(100)
        rig.ready(101)
        rig.reload(1)
        #expect(rig.exit(102, 5) == ["answer 1: job ended with 5"])
        #expect(rig.pids == [101])
    }

    @Test func aOneShotThatIsKeptRunsOnce() {
        var rig = Rig(job { $0.services[0].onReload = .keep })
        rig.exit(100)
        rig.ready(101)
        #expect(rig.reload() == ["load", "spawn web"])
    }

    @Test func aOneShotTakesNoLongerThanItsStartTimeout() {
        var rig = Rig(job())
        // Once for its time-out, once for the stop that follows a start that fails.
        #expect(rig.wait(milliseconds: 60_000) == ["TERM 100", "TERM 100"])
        #expect(rig.exit(100) == ["exit 1"])
    }

    @Test func aOneShotThatIsNotCriticalIsTriedAgain() {
        var rig = Rig(
            job {
                $0.services[0].isCritical = false
                $0.services[0].restart.when = .onFailure
                $0.services[0].restart.backoff.base = .seconds(1)
            })
        rig.exit(100, 1)
        #expect(rig.wait(milliseconds: 1000).contains("spawn job"))
    }

    // MARK: Statuses

    @Test func aSuccessStatusIsASuccess() {
        var rig = Rig(
            job {
                $0.services[0].restart.successCodes = [3]
                $0.services[1].restart.when = .onFailure
                $0.services[1].restart.successCodes = [4]
            })
        #expect(rig.exit(100, 3) == ["spawn web"])
        rig.ready(101)
        #expect(rig.exit(101, 4) == ["exit 0"])
    }

    @Test func aFinalStatusIsNotRestarted() {
        var rig = Rig(
            master("web", "other") {
                $0.services[0].restart.finalCodes = [78, 139]
                $0.stopsOnFailure = true
            })
        rig.ready(100)
        rig.ready(101)
        #expect(rig.exit(100, 78) == ["TERM 101"])
        #expect(rig.exit(101) == ["exit 78"])
    }

    @Test func aFinalStatusThatIsGoodIsNoFailure() {
        var rig = Rig(master("web", "other") { $0.services[0].restart.finalCodes = [0] })
        rig.ready(100)
        rig.ready(101)
        #expect(rig.exit(100) == [])
        #expect(rig.pids == [101])
    }

    @Test func whatIsNotCriticalMayEndInAStopAsItLikes() {
        var rig = Rig(master("web") { $0.services[0].isCritical = false })
        rig.ready(100)
        rig.stop()
        #expect(rig.exit(100, 4) == ["exit 0"])
    }

    @Test func aSuccessInAStopHidesNothing() {
        var rig = Rig(master("web") { $0.services[0].restart.successCodes = [4] })
        rig.ready(100)
        rig.stop()
        #expect(rig.exit(100, 4) == ["exit 0"])
    }
}
