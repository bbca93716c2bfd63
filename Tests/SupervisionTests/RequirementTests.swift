import Testing

@testable import Supervision

/// What comes after others, and what requires them.
@Suite(.timeLimit(.minutes(20))) struct RequirementTests {
    /// `db` is not critical, is started again, and takes a second for it; `web` comes after it.
    private func ordered(_ change: (inout Plan) -> Void = { _ in }) -> Plan {
        master("db", "web") {
            $0.services[0].isCritical = false
            $0.services[0].restart.when = .onFailure
            $0.services[0].restart.backoff.base = .seconds(1)
            $0.services[1].after = ["db"]
            change(&$0)
        }
    }

    /// As above, but nothing can be without it.
    private func required(_ change: (inout Plan) -> Void = { _ in }) -> Plan {
        ordered {
            $0.services[1].after = []
            $0.services[1].requires = ["db"]
            change(&$0)
        }
    }

    private func served(_ plan: Plan) -> Rig {
        var rig = Rig(plan)
        rig.ready(100)
        rig.ready(101)
        return rig
    }

    // MARK: after

    @Test func whoComesAfterWaitsForWhatFailedAtFirst() {
        var rig = Rig(ordered())
        #expect(rig.exit(100, 1) == [])
        #expect(rig.wait(milliseconds: 1000) == ["spawn db"])
        #expect(rig.ready(101) == ["spawn web"])
        rig.ready(102)
        #expect(rig.supervisor.plan != nil)
    }

    @Test func whoComesAfterGoesOnWhenTheOtherHasFailedForGood() {
        var rig = Rig(ordered { $0.services[0].restart.when = .never })
        #expect(rig.exit(100, 1) == ["spawn web"])
    }

    @Test func whoComesAfterWaitsNoLongerThanTheStartTimeoutOfTheOther() {
        var rig = Rig(ordered { $0.services[0].startTimeout = .seconds(5) })
        rig.exit(100, 1)
        #expect(rig.wait(milliseconds: 4999) == ["spawn db"])
        #expect(rig.wait(milliseconds: 1).contains("spawn web"))
    }

    @Test func theWaitIsKnownToTheNextImage() {
        var rig = Rig(ordered())
        rig.exit(100, 1)
        rig.restart()
        rig.send(.resumed)
        #expect(rig.wait(milliseconds: 1000) == ["spawn db"])
        #expect(rig.ready(101) == ["spawn web"])
    }

    // MARK: requires

    @Test func whoRequiresAnotherIsStartedWhenThatIsReady() {
        var rig = Rig(required())
        #expect(rig.pids == [100])
        #expect(rig.ready(100) == ["spawn web"])
    }

    @Test func aStartFailsWhenWhatACriticalOneRequiresHasFailed() {
        var rig = Rig(required { $0.services[0].restart.when = .never })
        #expect(rig.exit(100, 1) == ["exit 1"])
    }

    @Test func aReloadFailsWhenWhatACriticalOneRequiresHasFailed() {
        var rig = served(required { $0.services[0].restart.when = .never })
        rig.reload(1)
        #expect(rig.exit(102, 1) == ["answer 1: web lacks db"])
        #expect(rig.pids == [100, 101])
    }

    @Test func whatIsNotCriticalWaitsBeyondTheStart() {
        var rig = Rig(
            required {
                $0.services[0].startTimeout = .seconds(2)
                $0.services[1].isCritical = false
            })
        rig.exit(100, 1)
        rig.wait(milliseconds: 2000)
        #expect(rig.supervisor.plan != nil && rig.pids == [101])
        #expect(rig.send(.waitReady(1)) == [])
        #expect(rig.ready(101) == ["spawn web"])
        #expect(rig.ready(102) == ["answer 1: done 1"])
    }

    @Test func aRestartWaitsForWhatItRequires() {
        var rig = served(required())
        rig.exit(100, 1)
        rig.exit(101, 1)
        #expect(rig.wait(milliseconds: 1000) == ["spawn db"])
        #expect(rig.ready(102) == ["spawn web"])
        #expect(rig.supervisor.restartCounts == ["db": 1, "web": 1])
    }

    @Test func whatRunsGoesOnWhenWhatItRequiresFails() {
        var rig = served(required { $0.services[0].restart.when = .never })
        #expect(rig.exit(100, 1) == [])
        #expect(rig.pids == [101])
    }

    @Test func aRestartFailsWithWhatItRequires() {
        var rig = served(
            required {
                $0.services[0].restart.when = .never
                $0.stopsOnFailure = true
            })
        rig.exit(100, 1)
        rig.die(101, by: 9)
        #expect(rig.wait(milliseconds: 100) == ["exit 1"])
    }

    @Test func whoWaitsFailsWithWhatItRequires() {
        var rig = served(
            required {
                $0.services[0].restart.limit = Restart.Limit(count: 1, window: .seconds(60))
                $0.services[1].isCritical = false
            })
        rig.exit(100, 1)
        rig.exit(101, 1)
        rig.wait(milliseconds: 1000)
        #expect(rig.exit(102, 1) == [])
        #expect(rig.supervisor.hasFailed(service: "web"))
        #expect(rig.command(.start("db")) == ["spawn db"])
        rig.ready(103)
        #expect(rig.command(.start("web")) == ["spawn web"])
    }

    @Test func whatWasStoppedByHandIsNotReady() {
        var rig = served(required())
        rig.command(.stop("db"))
        rig.exit(100)
        #expect(rig.command(.restart("web"), 1) == ["TERM 101"])
        #expect(rig.exit(101) == [])
        #expect(rig.command(.start("db")) == ["spawn db"])
        #expect(rig.ready(102) == ["spawn web"])
        #expect(rig.ready(103) == ["answer 1: done 1"])
    }

    @Test func aOneShotIsRequired() {
        var rig = Rig(
            required {
                $0.services[0].readiness = .completed
                $0.services[0].isCritical = true
            })
        #expect(rig.exit(100) == ["spawn web"])
    }

    @Test func whoWaitsIsKnownToTheNextImage() {
        var rig = served(required())
        rig.exit(100, 1)
        rig.exit(101, 1)
        rig.restart()
        rig.send(.resumed)
        #expect(rig.wait(milliseconds: 1000) == ["spawn db"])
        #expect(rig.ready(102) == ["spawn web"])
    }

    @Test func theFirstThatFailsWithWhatItRequiresIsTheEndOfEverything() {
        var rig = served(
            required {
                $0.services[0].restart.when = .never
                $0.services[1].instances = 2
                $0.stopsOnFailure = true
            })
        rig.ready(102)
        rig.exit(100, 1)
        rig.command(.stop("web"))
        rig.exit(101)
        rig.exit(102)
        #expect(rig.command(.start("web"), 1) == ["answer 1: stopping", "exit 1"])
        let blocked = rig.reports.count { if case .blocked = $0 { true } else { false } }
        #expect(blocked == 1)
    }

    @Test func aStopLeavesNobodyWaiting() {
        var rig = served(required())
        rig.exit(100, 1)
        rig.exit(101, 1)
        #expect(rig.stop() == ["exit 0"])
    }

    // MARK: What others see

    @Test func whatDoesNotRunIsToldWithItsReason() throws {
        var rig = served(required { $0.services.append(notified("cron")) })
        rig.ready(102)
        rig.command(.stop("cron"))
        rig.exit(102)
        rig.exit(100, 7)
        rig.exit(101, 1)
        rig.wait(milliseconds: 500)
        let vacancies = rig.supervisor.slotIDs.compactMap { rig.supervisor.vacancy(of: $0) }
        #expect(vacancies.map(\.service) == ["db", "web", "cron"])
        #expect(
            vacancies.map(\.state) == [
                .backoff(until: Instant(nanoseconds: 1_000_000_000)), .blocked(by: ["db"]), .stopped,
            ])
        #expect(vacancies[0].lastEnd == .ended(.exited(7)))
        #expect(rig.supervisor.absences.map(\.service) == ["db", "web"])
    }

    @Test func whoIsWaitedForIsNamed() {
        var rig = Rig(ordered())
        #expect(rig.supervisor.absences.map(\.service) == ["db", "web"])
        #expect(rig.supervisor.absences.first?.reason == .phase(.starting))
        rig.ready(100)
        #expect(rig.supervisor.absences.map(\.service) == ["web"])
    }
}
