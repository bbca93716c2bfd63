import Supervision
import Testing

@Suite(.timeLimit(.minutes(20))) struct ReloadTests {
    @Test func theOldOneServesUntilTheNewOneIsReady() {
        var rig = Rig(master("web"))
        rig.ready(100)
        #expect(rig.reload(7) == ["load", "spawn web"])
        #expect(rig.wait(milliseconds: 59_000) == [])
        #expect(rig.ready(101) == ["TERM 100", "answer 7: done 2"])
        #expect(rig.supervisor.child(withPID: 100)?.isRetired == true)
    }

    @Test func theOldOneIsToldAfterTheDelay() {
        var rig = Rig(superdaemon { $0.retireDelay = .seconds(5) })
        rig.wait(milliseconds: 1000)
        rig.reload(7)
        #expect(rig.wait(milliseconds: 1000) == [])
        #expect(rig.reports.contains(.succeeded(generation: 2, old: [100], delay: .seconds(5))))
        #expect(rig.wait(milliseconds: 4999) == [])
        #expect(rig.wait(milliseconds: 1) == ["TERM 100", "answer 7: done 2"])
    }

    @Test func thereIsNoDelayWhenNobodyIsOld() {
        var rig = Rig(superdaemon { $0.retireDelay = .seconds(5) })
        rig.wait(milliseconds: 1000)
        #expect(!rig.supervisor.isReloading)
    }

    @Test func aSecondReloadDuringTheStartUpCheckWaits() {
        var rig = Rig(superdaemon())
        rig.wait(milliseconds: 1000)
        #expect(rig.reload(1) == ["load", "spawn worker"])
        rig.wait(milliseconds: 500)
        #expect(rig.reload(2) == [])
        #expect(rig.wait(milliseconds: 500) == ["TERM 100", "answer 1: done 2", "load", "spawn worker"])
        #expect(rig.wait(milliseconds: 1000) == ["TERM 101", "answer 2: done 3"])
    }

    @Test func anUnprovenWorkerIsNotAcceptedByASecondReload() {
        var rig = Rig(superdaemon())
        rig.wait(milliseconds: 1000)
        rig.reload()
        rig.reload()
        #expect(rig.exit(101, 1) == [])
        #expect(rig.supervisor.child(withPID: 100)?.phase == .ready)
    }

    @Test func aStormOfReloadsIsTwoRounds() {
        var rig = Rig(master("web"))
        rig.ready(100)
        var done = rig.reload(1)
        for requester in 2...1000 { done += rig.reload(requester) }
        done += rig.ready(101)
        done += rig.ready(102)
        #expect(done.count { $0 == "load" } == 2)
        for requester in 1...1000 { #expect(done.count { $0.hasPrefix("answer \(requester):") } == 1) }
        #expect(rig.supervisor.generation == 3 && !rig.supervisor.isReloading)
    }

    @Test func aNewWorkerThatDiesDuringTheDelayLeavesTheOldOneServing() {
        var rig = Rig(superdaemon { $0.retireDelay = .seconds(5) })
        rig.wait(milliseconds: 1000)
        rig.reload(7)
        rig.wait(milliseconds: 2000)
        #expect(rig.die(101, by: 11) == ["spawn worker"])
        #expect(rig.wait(milliseconds: 5999) == [])
        #expect(rig.supervisor.child(withPID: 100)?.isSignalled == false)
        #expect(rig.wait(milliseconds: 1) == ["TERM 100", "answer 7: done 3"])
    }

    @Test func aNewWorkerThatDiesDuringTheDelayFailsTheReloadOfAMaster() {
        var rig = Rig(master("web") { $0.retireDelay = .seconds(5) })
        rig.ready(100)
        rig.reload(7)
        rig.ready(101)
        #expect(rig.die(101, by: 11) == ["answer 7: web ended with 139"])
        #expect(rig.pids == [100] && rig.nextDeadline == nil)
    }

    @Test func aReloadThatCannotBeReadChangesNothing() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.isBroken = true
        #expect(rig.reload(7) == ["load", "answer 7: not loaded"])
        #expect(rig.supervisor.failedReloads == 1 && rig.supervisor.generation == 1)
        #expect(rig.pids == [100])
    }

    @Test func aPlanThatCannotBeFollowedChangesNothing() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.configuration.services[0].after = ["nobody"]
        #expect(rig.reload(7) == ["load", "answer 7: not loaded"])
        #expect(rig.pids == [100])
    }

    @Test func aReloadWhoseNewWorkerFailsEndsOnlyTheNewOnes() {
        var rig = Rig(master("web") { $0.services[0].instances = 2 })
        rig.ready(100)
        rig.ready(101)
        rig.reload(7)
        #expect(rig.exit(102, 3) == ["TERM 103", "answer 7: web ended with 3"])
        #expect(rig.supervisor.child(withPID: 100)?.isSignalled == false)
        #expect(rig.supervisor.child(withPID: 101)?.isSignalled == false)
    }

    @Test func aReloadWhoseNewWorkerHangsEndsIt() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.reload(7)
        #expect(rig.wait(milliseconds: 60_000) == ["TERM 101", "answer 7: web timed out"])
        #expect(rig.wait(milliseconds: 10_000) == ["KILL 101"])
        #expect(rig.supervisor.child(withPID: 100)?.phase == .ready)
    }

    @Test func failuresAreCountedUntilTheNextSuccess() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.isBroken = true
        for count in 1...3 {
            rig.reload()
            #expect(rig.supervisor.failedReloads == count)
        }
        rig.isBroken = false
        rig.reload()
        rig.ready(101)
        #expect(rig.supervisor.failedReloads == 0)
    }

    @Test func oldWorkersAreToldOnce() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.reload()
        rig.ready(101)
        rig.reload()
        #expect(rig.ready(102) == ["TERM 101"])
    }

    @Test func theCurrentWorkerIsReplacedWhenItDiesDuringTheReload() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.wait(milliseconds: 5000)
        rig.reload()
        #expect(rig.die(100, by: 11) == ["spawn web"])
    }

    // MARK: Reloads by themselves

    @Test func aReloadComesByItselfWhenTheIntervalHasPassed() {
        var rig = Rig(superdaemon { $0.reloadInterval = .seconds(360) })
        rig.wait(milliseconds: 1000)
        #expect(rig.nextDeadline == 361_000)
        #expect(rig.wait(milliseconds: 360_000) == ["load", "spawn worker"])
        #expect(rig.reports.contains(.reloading(.interval(.seconds(360), forced: false))))
    }

    @Test func aReloadByItselfWaitsForOldOnesAndIsForcedInTheEnd() {
        var rig = Rig(superdaemon { $0.reloadInterval = .seconds(360) })
        rig.wait(milliseconds: 1000)
        rig.reload()
        rig.wait(milliseconds: 1000)
        #expect(rig.wait(milliseconds: 719_999) == [])
        #expect(rig.wait(milliseconds: 1) == ["load", "spawn worker"])
        #expect(rig.reports.contains(.reloading(.interval(.seconds(360), forced: true))))
    }

    @Test func aReloadByItselfComesWhenTheLastOldOneHasGone() {
        var rig = Rig(superdaemon { $0.reloadInterval = .seconds(360) })
        rig.wait(milliseconds: 1000)
        rig.reload()
        rig.wait(milliseconds: 401_000)
        #expect(rig.exit(100) == ["load", "spawn worker"])
    }

    @Test func aReloadByItselfThatFailsIsNotTriedAgainAtOnce() {
        var rig = Rig(superdaemon { $0.reloadInterval = .seconds(360) })
        rig.wait(milliseconds: 1000)
        rig.isBroken = true
        #expect(rig.wait(milliseconds: 360_000) == ["load"])
        #expect(rig.nextDeadline == 721_000)
    }

    @Test func theIntervalAndTheDelayMayChangeWithoutAReload() {
        var rig = Rig(superdaemon())
        rig.wait(milliseconds: 1000)
        rig.supervisor.adjust(retireDelay: .seconds(3), reloadInterval: .seconds(10), at: rig.instant)
        #expect(rig.nextDeadline == 11_000)
        rig.supervisor.adjust(retireDelay: .seconds(3), reloadInterval: nil, at: rig.instant)
        #expect(rig.nextDeadline == nil)
        rig.reload()
        rig.supervisor.adjust(retireDelay: .seconds(3), reloadInterval: nil, at: rig.instant)
        #expect(rig.wait(milliseconds: 3999) == [])
        #expect(rig.wait(milliseconds: 1) == ["TERM 100"])
    }

    @Test func aHardReloadTellsTheOldOnesTERMAtOnce() {
        var rig = Rig(
            master("web") {
                $0.retireDelay = .seconds(60)
                $0.services[0].stopSignal = 10
            })
        rig.ready(100)
        #expect(rig.send(.reload(7, hard: true)) == ["load", "spawn web"])
        #expect(rig.ready(101) == ["TERM 100", "answer 7: done 2"])
        #expect(rig.wait(milliseconds: 10_000) == ["KILL 100"])
        rig.reload()
        rig.ready(102)
        #expect(rig.wait(milliseconds: 60_000) == ["USR1 101"])
    }

    @Test func aHardReloadThatWaitsMakesTheNextRoundHard() {
        var rig = Rig(master("web") { $0.services[0].stopSignal = 10 })
        rig.ready(100)
        rig.reload()
        rig.send(.reload(7, hard: true))
        rig.reload()
        #expect(rig.ready(101) == ["USR1 100", "load", "spawn web"])
        rig.restart()
        rig.send(.resumed)
        #expect(rig.ready(102) == ["TERM 101", "answer 7: done 3"])
    }
}
