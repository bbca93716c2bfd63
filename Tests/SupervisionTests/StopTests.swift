import Supervision
import Testing

@Suite(.timeLimit(.minutes(20))) struct StopTests {
    @Test func everyoneIsToldAndTheExitComesWhenTheLastHasGone() {
        var rig = Rig(master("a", "b"))
        rig.ready(100)
        rig.ready(101)
        #expect(rig.stop() == ["TERM 100", "TERM 101"])
        #expect(rig.die(101, by: 15) == [])
        #expect(rig.die(100, by: 15) == ["exit 0"])
    }

    @Test func servicesStopInReverseOrder() {
        var rig = Rig(
            master("db", "api", "web") {
                $0.services[1].after = ["db"]
                $0.services[2].after = ["api"]
            })
        for pid in [100, 101, 102] as [Int32] { rig.ready(pid) }
        #expect(rig.stop() == ["TERM 102"])
        #expect(rig.exit(102) == ["TERM 101"])
        #expect(rig.exit(101) == ["TERM 100"])
        #expect(rig.exit(100) == ["exit 0"])
    }

    @Test func eachStageHasItsOwnTimeOut() {
        var rig = Rig(master("db", "web") { $0.services[1].after = ["db"] })
        rig.ready(100)
        rig.ready(101)
        rig.stop()
        #expect(rig.wait(milliseconds: 10_000) == ["KILL 101"])
        #expect(rig.die(101, by: 9) == ["TERM 100"])
        #expect(rig.wait(milliseconds: 9_999) == [])
        #expect(rig.wait(milliseconds: 1) == ["KILL 100"])
        #expect(rig.die(100, by: 9) == ["exit 0"])
    }

    @Test func oldOnesAreStoppedAtOnceInEveryOrder() {
        var rig = Rig(master("db", "web") { $0.services[1].after = ["db"] })
        rig.ready(100)
        rig.ready(101)
        rig.reload()
        rig.ready(102)
        rig.ready(103)
        #expect(rig.stop() == ["TERM 100", "TERM 101", "TERM 103"])
    }

    @Test func aWorkerThatIgnoresTheSignalIsKilledWithItsGroup() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.stop()
        let actions = rig.supervisor.handle(.timer, at: Instant(nanoseconds: 10_000_000_000))
        #expect(actions.contains(.signal(pid: 100, 9, group: true)))
    }

    @Test func withoutATimeOutNobodyIsKilled() {
        var rig = Rig(superdaemon())
        rig.wait(milliseconds: 1000)
        rig.stop()
        #expect(rig.nextDeadline == nil)
    }

    @Test func aSoftStopHasNoTimeOut() {
        var rig = Rig(master("web"))
        rig.ready(100)
        #expect(rig.stop(.soft) == ["TERM 100"])
        #expect(rig.nextDeadline == nil)
    }

    @Test func aMoreUrgentStopOvertakesASofterOne() {
        var rig = Rig(master("db", "web") { $0.services[1].after = ["db"] })
        rig.ready(100)
        rig.ready(101)
        rig.stop(.soft)
        #expect(rig.stop(.graceful) == ["TERM 100", "TERM 101"])
        #expect(rig.wait(milliseconds: 10_000) == ["KILL 100", "KILL 101"])
    }

    @Test func nowIsAllAtOnce() {
        var rig = Rig(master("db", "web") { $0.services[1].after = ["db"] })
        rig.ready(100)
        rig.ready(101)
        rig.stop(.graceful)
        #expect(rig.stop(.now) == ["TERM 100", "TERM 101"])
    }

    @Test func aSofterStopAfterAMoreUrgentOneChangesNothing() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.stop(.now)
        #expect(rig.stop(.graceful) == [] && rig.stop(.soft) == [] && rig.stop(.now) == [])
    }

    @Test func aStopMayBringASignalOfItsOwn() {
        var rig = Rig(master("web") { $0.services[0].stopSignal = 3 })
        rig.ready(100)
        rig.reload()
        rig.ready(101)
        #expect(rig.send(.stop(StopRequest(.graceful, signal: 10))) == ["USR1 100", "USR1 101"])
    }

    @Test func aStopMayBringATimeOutOfItsOwn() {
        var rig = Rig(master("web") { $0.services[0].stopTimeout = nil })
        rig.ready(100)
        #expect(rig.send(.stop(StopRequest(.graceful, timeout: .seconds(1)))) == ["TERM 100"])
        #expect(rig.wait(milliseconds: 1000) == ["KILL 100"])
    }

    // MARK: In every phase

    @Test func aStopBeforeTheStartEndsEverything() {
        var rig = Rig(master("web"), starts: false)
        #expect(rig.stop() == ["exit 0"])
        #expect(rig.send(.start) == [])
    }

    @Test func aStopDuringTheStartUpCheckEndsTheNewAndTheOldOne() {
        var rig = Rig(superdaemon())
        rig.wait(milliseconds: 1000)
        rig.reload(7)
        #expect(rig.stop() == ["answer 7: stopping", "TERM 100", "TERM 101"])
        rig.exit(100)
        #expect(rig.exit(101) == ["exit 0"])
    }

    @Test func aStopDuringTheDelayDoesNotWaitForIt() {
        var rig = Rig(superdaemon { $0.retireDelay = .seconds(5) })
        rig.wait(milliseconds: 1000)
        rig.reload(7)
        rig.wait(milliseconds: 1500)
        #expect(rig.stop() == ["answer 7: stopping", "TERM 100", "TERM 101"])
        rig.exit(101)
        #expect(rig.exit(100) == ["exit 0"])
    }

    @Test func aStopDuringAFailingStartStartsNothingMore() {
        var rig = Rig(superdaemon())
        rig.exit(100, 1)
        #expect(rig.stop() == ["exit 0"])
        #expect(rig.wait(milliseconds: 10_000) == [])
    }

    @Test func aStopDuringARestartsPauseStartsNothingMore() {
        var rig = Rig(superdaemon())
        rig.wait(milliseconds: 1000)
        rig.wait(milliseconds: 50)
        rig.exit(100, 1)
        rig.stop()
        #expect(rig.wait(milliseconds: 10_000) == [])
    }

    @Test func aReloadAfterAStopIsRefused() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.stop(.soft)
        #expect(rig.reload(7) == ["answer 7: stopping"])
        #expect(rig.exit(100) == ["exit 0"])
    }

    @Test func aStopAfterReloadsAnswersAllOfThem() {
        var rig = Rig(master("web"))
        rig.ready(100)
        for requester in 1...3 { rig.reload(requester) }
        let answers = (1...3).map { "answer \($0): stopping" }
        #expect(rig.stop() == answers + ["TERM 100", "TERM 101"])
    }

    @Test func aStopDuringAProofForgetsTheUpgrade() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.send(.upgrade(7))
        #expect(rig.stop() == ["answer 7: stopping", "TERM 100"])
        #expect(rig.send(.proven) == [])
    }

    @Test func aStartTimeOutInAStopStartsNothing() {
        var rig = Rig(master("db", "web") { $0.services[1].after = ["db"] })
        rig.ready(100)
        rig.ready(101)
        rig.wait(milliseconds: 5000)
        rig.exit(100, 1)
        #expect(rig.stop() == ["TERM 101"])
        // The restarted db hangs in its start; its turn comes when web has gone.
        #expect(rig.wait(milliseconds: 100_000) == ["KILL 101"])
        #expect(rig.die(101, by: 9) == ["TERM 102"])
        #expect(rig.exit(102) == ["exit 0"])
    }

    // MARK: Exit codes

    @Test func aWorkerThatCrashesInTheStopIsNotHidden() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.stop()
        #expect(rig.die(100, by: 11) == ["exit 139"])
    }

    @Test func aWorkerThatWasKilledByUsIsNoFailure() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.stop()
        rig.wait(milliseconds: 10_000)
        #expect(rig.die(100, by: 9) == ["exit 0"])
    }

    @Test func theCodeOfTheRequestComesFirst() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.stop(.now, exitCode: 130)
        #expect(rig.exit(100, 1) == ["exit 130"])
    }

    @Test func theCodeOfAnEarlierStopIsKept() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.stop(.graceful, exitCode: 130)
        rig.stop(.now)
        #expect(rig.exit(100) == ["exit 130"])
    }

    @Test func nothingHappensAfterTheExit() {
        var rig = Rig(master("web"))
        rig.stop()
        rig.exit(100)
        #expect(rig.reload(7) == [] && rig.stop(.now) == [] && rig.send(.timer) == [])
        #expect(rig.nextDeadline == nil)
    }

    @Test func anInterruptDoesNotHideAnEarlierFailure() {
        var rig = Rig(plain("web", "job") { $0.services[1].restart.when = .never })
        rig.exit(101, 3)
        rig.stop()
        rig.stop(.now, exitCode: 130)
        #expect(rig.exit(100) == ["exit 3"])
    }

    @Test func anInterruptsOwnCodeComesBeforeWhatFailsInTheStop() {
        var rig = Rig(plain("web"))
        rig.stop(.now, exitCode: 130)
        #expect(rig.exit(100, 3) == ["exit 130"])
    }

    @Test func aChainOfTenThousandServicesStartsAndStops() {
        var rig = Rig(
            plain("0") { plan in
                for index in 1..<10_000 {
                    var service = Service(name: "\(index)", stopSignal: 15)
                    service.after = ["\(index - 1)"]
                    plan.services.append(service)
                }
            })
        #expect(rig.pids.count == 10_000)
        #expect(rig.stop() == ["TERM 10099"])
        for pid in (101...10_099 as ClosedRange<Int32>).reversed() { #expect(rig.exit(pid) == ["TERM \(pid - 1)"]) }
        #expect(rig.exit(100) == ["exit 0"])
    }
}
