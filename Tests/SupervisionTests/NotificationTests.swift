import Supervision
import Testing

/// WATCHDOG, EXTEND_TIMEOUT_USEC and MAINPID.
@Suite(.timeLimit(.minutes(20))) struct NotificationTests {
    private func rig(change: (inout Plan) -> Void = { _ in }) -> Rig {
        var rig = Rig(
            master("web") {
                $0.services[0].watchdog = .seconds(2)
                change(&$0)
            })
        rig.ready(100)
        return rig
    }

    // MARK: Watchdog

    @Test func whoGivesNoBeatIsKilledAndStartedAgain() {
        var rig = rig()
        #expect(rig.wait(milliseconds: 1999) == [])
        #expect(rig.wait(milliseconds: 1) == ["KILL 100"])
        #expect(rig.reports.contains { if case .missedHeartbeat(let child) = $0 { child.pid == 100 } else { false } })
        #expect(rig.die(100, by: 9) == ["spawn web"])
        #expect(rig.supervisor.restartCounts == ["web": 1])
    }

    @Test func eachBeatGivesTheTimeAnew() {
        var rig = rig()
        for _ in 0..<10 {
            #expect(rig.wait(milliseconds: 1500) == [])
            #expect(rig.send(.heartbeat(pid: 100)) == [])
            #expect(rig.nextDeadline == rig.now + 2000)
        }
        #expect(rig.wait(milliseconds: 2000) == ["KILL 100"])
    }

    @Test func aStartHasNoWatchdogYet() {
        var rig = Rig(master("web") { $0.services[0].watchdog = .seconds(2) })
        #expect(rig.wait(milliseconds: 30_000) == [])
        #expect(rig.send(.heartbeatMissed(pid: 100)) == [])
        rig.ready(100)
        #expect(rig.wait(milliseconds: 1999) == [])
    }

    @Test func whoSaysHowOftenItBeatsIsHeldToThatFromThenOn() {
        var rig = rig()
        #expect(rig.wait(milliseconds: 1500) == [])
        #expect(rig.send(.watchdog(pid: 100, .every(.seconds(10)))) == [])
        #expect(rig.wait(milliseconds: 9999) == [])
        #expect(rig.send(.heartbeat(pid: 100)) == [])
        #expect(rig.wait(milliseconds: 9999) == [])
        #expect(rig.wait(milliseconds: 1) == ["KILL 100"])
    }

    @Test func aShorterTimeBeginsAtOnceAndNoneIsNoWatchdog() {
        var rig = rig()
        #expect(rig.send(.watchdog(pid: 100, .none)) == [])
        #expect(rig.wait(milliseconds: 60_000) == [])
        #expect(rig.send(.watchdog(pid: 100, .every(.seconds(1)))) == [])
        #expect(rig.wait(milliseconds: 1000) == ["KILL 100"])
    }

    @Test func whatIsSaidDuringAStartOrWithoutAnyWatchdogCountsWhenItServes() {
        var rig = Rig(master("web"))
        #expect(rig.send(.watchdog(pid: 100, .every(.seconds(1)))) == [])
        #expect(rig.wait(milliseconds: 5000) == [])
        rig.ready(100)
        #expect(rig.wait(milliseconds: 999) == [])
        #expect(rig.wait(milliseconds: 1) == ["KILL 100"])
    }

    @Test func theNextProcessIsHeldToTheServicesRule() {
        var rig = rig()
        rig.send(.watchdog(pid: 100, .none))
        #expect(rig.wait(milliseconds: 5000) == [])
        #expect(rig.die(100, by: 9) == ["spawn web"])
        rig.ready(101)
        #expect(rig.wait(milliseconds: 2000) == ["KILL 101"])
    }

    @Test func whatItHasSaidSurvivesAnUpgrade() {
        for (time, limit) in [(WatchdogTime.none, 60_000), (.every(.seconds(5)), 4999)] as [(WatchdogTime, Int64)] {
            var rig = rig()
            rig.send(.watchdog(pid: 100, time))
            rig.restart()
            #expect(rig.send(.heartbeat(pid: 100)) == [])
            #expect(rig.wait(milliseconds: limit) == [])
            #expect(rig.wait(milliseconds: 1) == (time == .none ? [] : ["KILL 100"]))
        }
    }

    @Test func aTriggerBitesAtOnceAndWithoutAWatchdogToo() {
        var rig = rig { $0.services[0].watchdog = nil }
        #expect(rig.send(.heartbeat(pid: 100)) == [])
        #expect(rig.nextDeadline == nil)
        #expect(rig.send(.heartbeatMissed(pid: 100)) == ["KILL 100"])
        #expect(rig.send(.heartbeatMissed(pid: 100)) == [])
    }

    @Test func whoIsToldToStopNeedsNoBeat() {
        var rig = rig { $0.services[0].stopTimeout = nil }
        rig.stop()
        #expect(rig.wait(milliseconds: 60_000) == [])
        #expect(rig.send(.heartbeatMissed(pid: 100)) == [])
    }

    @Test func aNewChildThatMissesItsBeatFailsTheReload() {
        var rig = Rig(master("web", "cron") { $0.services[0].watchdog = .seconds(2) })
        rig.ready(100)
        rig.ready(101)
        rig.send(.extend(pid: 100, .seconds(1000)))
        rig.reload(7)
        rig.ready(102)
        #expect(rig.wait(milliseconds: 2000) == ["KILL 102", "TERM 103", "answer 7: web ended with 137"])
        #expect(rig.supervisor.child(withPID: 100)?.phase == .ready)
    }

    @Test func aMissedBeatMayBeTheEndOfEverything() {
        var rig = rig {
            $0.stopsOnFailure = true
            $0.services[0].restart.when = .never
        }
        rig.wait(milliseconds: 2000)
        #expect(rig.die(100, by: 9) == ["exit 137"])
    }

    @Test func theNewPlansWatchdogHoldsForAKeptProgram() {
        var rig = rig { $0.services[0].onReload = .keep }
        rig.configuration.services[0].watchdog = .seconds(9)
        rig.reload()
        #expect(rig.nextDeadline == 9000)
        rig.configuration.services[0].watchdog = nil
        rig.reload()
        #expect(rig.nextDeadline == nil)
    }

    @Test func theNextImageKnowsWhenABeatIsDue() {
        var rig = rig()
        rig.wait(milliseconds: 1500)
        rig.send(.heartbeat(pid: 100))
        rig.restart()
        rig.send(.resumed)
        #expect(rig.nextDeadline == 3500)
        #expect(rig.wait(milliseconds: 2000) == ["KILL 100"])
    }

    // MARK: Extension

    @Test func aStartMayTakeLongerWhenItSaysSo() {
        var rig = Rig(master("web"))
        rig.wait(milliseconds: 50_000)
        rig.send(.extend(pid: 100, .seconds(30)))
        #expect(rig.wait(milliseconds: 29_999) == [])
        #expect(rig.wait(milliseconds: 1).contains("TERM 100"))
    }

    @Test func anExtensionNeverShortens() {
        var rig = Rig(master("web"))
        rig.send(.extend(pid: 100, .seconds(30)))
        #expect(rig.nextDeadline == 60_000)
    }

    @Test func aStopMayTakeLongerWhenItSaysSo() {
        var rig = rig()
        rig.stop()
        rig.wait(milliseconds: 9000)
        rig.send(.extend(pid: 100, .seconds(5)))
        #expect(rig.wait(milliseconds: 4999) == [])
        #expect(rig.wait(milliseconds: 1) == ["KILL 100"])
    }

    @Test func anOldChildGrowsOnlySoOldWhateverItSays() {
        var rig = rig { $0.maximumOldAge = .seconds(12) }
        rig.reload()
        rig.ready(101)
        rig.send(.extend(pid: 101, .seconds(1000)))
        rig.send(.extend(pid: 100, .seconds(1000)))
        #expect(rig.wait(milliseconds: 11_999) == [])
        #expect(rig.wait(milliseconds: 1) == ["KILL 100"])
    }

    @Test func theTimeToBeAcceptedIsNotExtended() {
        var rig = Rig(master("web") { $0.services[0].readiness = .alive(.seconds(1)) })
        rig.send(.extend(pid: 100, .seconds(30)))
        #expect(rig.nextDeadline == 1000)
    }

    // MARK: Main process

    @Test func anotherMainProcessTakesThePlace() {
        var rig = rig()
        rig.send(.mainProcess(pid: 100, is: 500, group: 100))
        #expect(rig.supervisor.child(withPID: 100) == nil)
        #expect(rig.supervisor.child(withPID: 500)?.group == 100)
        #expect(rig.exit(100) == [])
        #expect(rig.send(.stop(StopRequest(.graceful))) == ["TERM 100"])
        #expect(rig.exit(500) == ["exit 0"])
    }

    @Test func aMainProcessWithoutAGroupIsToldAlone() {
        var rig = rig()
        rig.send(.mainProcess(pid: 100, is: 500, group: nil))
        let actions = rig.supervisor.handle(.stop(StopRequest(.now)), at: rig.instant)
        #expect(actions.contains(.signal(pid: 500, 15, group: false)))
    }

    @Test func whatTheProcessBeforeWasToldTheNextIsToldToo() {
        var rig = rig()
        rig.stop()
        #expect(rig.send(.mainProcess(pid: 100, is: 500, group: nil)) == ["TERM 500"])
        #expect(rig.wait(milliseconds: 10_000) == ["KILL 500"])
        #expect(rig.send(.mainProcess(pid: 500, is: 501, group: nil)) == ["KILL 501"])
    }

    @Test func nobodyBecomesAnotherChildOrEverybody() {
        var rig = Rig(master("web", "cron"))
        rig.send(.mainProcess(pid: 100, is: 101, group: nil))
        rig.send(.mainProcess(pid: 100, is: 1, group: nil))
        rig.send(.mainProcess(pid: 77, is: 500, group: nil))
        #expect(rig.pids == [100, 101])
        rig.send(.mainProcess(pid: 100, is: 500, group: 1))
        #expect(rig.supervisor.child(withPID: 500)?.group == 0)
    }

    @Test func theNextImageKnowsTheMainProcess() {
        var rig = rig()
        rig.send(.mainProcess(pid: 100, is: 500, group: 100))
        let children = rig.supervisor.children
        rig.restart()
        #expect(rig.supervisor.children == children)
    }
}
