import Supervision
import Testing

@Suite(.timeLimit(.minutes(20))) struct KeptServiceTests {
    private func rig(_ onReload: OnReload) -> Rig {
        var rig = Rig(master("web", "kept") { $0.services[1].onReload = onReload })
        rig.ready(100)
        rig.ready(101)
        rig.wait(milliseconds: 5000)
        return rig
    }

    @Test func aKeptProgramGetsNoSignalAtAll() {
        var rig = rig(.keep)
        #expect(rig.reload() == ["load", "spawn web"])
        #expect(rig.ready(102) == ["TERM 100"])
        #expect(rig.supervisor.child(withPID: 101)?.phase == .ready)
        #expect(rig.supervisor.child(withPID: 101)?.isRetired == false)
    }

    @Test func aReloadSignalComesOnlyAfterTheReloadHasSucceeded() {
        var rig = rig(.signal(1))
        #expect(rig.reload() == ["load", "spawn web"])
        #expect(rig.ready(102) == ["TERM 100", "HUP 101"])
    }

    @Test func aFailedReloadSignalsNobody() {
        var rig = rig(.signal(1))
        rig.reload()
        #expect(rig.exit(102, 1) == [])
        #expect(rig.pids == [100, 101])
    }

    @Test func aRestartStopsFirstAndStartsAgainThen() {
        var rig = rig(.restart)
        rig.reload()
        #expect(rig.ready(102) == ["TERM 100", "TERM 101"])
        #expect(rig.die(101, by: 15) == ["spawn kept"])
    }

    @Test func aRestartThatIgnoresItsStopSignalIsKilledAndStartedAgain() {
        var rig = rig(.restart)
        rig.reload()
        rig.ready(102)
        #expect(rig.wait(milliseconds: 10_000) == ["KILL 100", "KILL 101"])
        #expect(rig.die(101, by: 9) == ["spawn kept"])
    }

    @Test func aKeptProgramThatDiesIsRestartedDuringAReloadToo() {
        var rig = rig(.keep)
        rig.reload()
        #expect(rig.exit(101, 1) == ["spawn kept"])
    }

    @Test func aKeptProgramThatDiesIsRestartedDuringARoundThatNeverGivesUp() {
        var rig = rig(.keep)
        rig.configuration.rollout = .persistent
        rig.reload()
        #expect(rig.exit(101, 1) == ["spawn kept"])
    }

    @Test func theNewPlansRulesHoldForAKeptProgram() {
        var rig = rig(.keep)
        rig.configuration.services[1].stopSignal = 3
        rig.configuration.services[1].stopTimeout = .seconds(2)
        rig.reload()
        rig.ready(102)
        rig.exit(100)
        #expect(rig.stop() == ["QUIT 101", "TERM 102"])
        #expect(rig.wait(milliseconds: 2000) == ["KILL 101"])
    }

    @Test func theNewPlansOrderHoldsForAKeptProgram() {
        var rig = rig(.keep)
        rig.configuration.services[1].after = ["web"]
        rig.reload()
        rig.ready(102)
        rig.exit(100)
        #expect(rig.stop() == ["TERM 101"])
        #expect(rig.exit(101) == ["TERM 102"])
    }

    @Test func anotherWayToReadinessDoesNotJudgeAKeptProgramThatIsStillStarting() {
        var rig = Rig(
            Plan(services: [
                notified("kept") {
                    $0.onReload = .keep
                    $0.isCritical = false
                    $0.restart.when = .always
                }
            ]))
        rig.ready(100)
        rig.wait(milliseconds: 5000)
        rig.exit(100, 1)
        rig.configuration.services[0].readiness = .alive(.seconds(1))
        rig.reload()
        #expect(rig.wait(milliseconds: 60_000) == ["TERM 101", "spawn kept"])
    }

    @Test func whatTheNewPlanNoLongerHasRetires() {
        var rig = rig(.keep)
        rig.configuration.services.remove(at: 1)
        rig.reload()
        #expect(rig.ready(102) == ["TERM 100", "TERM 101"])
    }

    @Test func fewerInstancesOfAKeptProgramRetireTheRest() {
        var rig = Rig(
            master("kept") {
                $0.services[0].onReload = .keep
                $0.services[0].instances = 3
            })
        for pid in 100...102 as ClosedRange<Int32> { rig.ready(pid) }
        rig.configuration.services[0].instances = 1
        #expect(rig.reload() == ["load", "TERM 101", "TERM 102"])
    }

    @Test func aKeptProgramThatIsStillStartingGetsItsReloadSignalWhenItIsReady() {
        var rig = rig(.signal(1))
        rig.exit(101, 1)
        rig.reload()
        #expect(rig.ready(103) == ["TERM 100"])
        #expect(rig.ready(102) == ["HUP 102"])
        rig.reload()
        #expect(rig.ready(104) == ["TERM 103", "HUP 102"])
    }
}
