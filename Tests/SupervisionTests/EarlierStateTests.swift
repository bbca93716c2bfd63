import Testing
import Text

@testable import Supervision

/// What the version before wrote is read, and goes on.
@Suite(.timeLimit(.minutes(20))) struct EarlierStateTests {
    private func rig(_ state: String, at milliseconds: Int64, _ plan: Plan = master("web")) -> Rig {
        var rig = Rig(plan, starts: false)
        let text = saved(state)
        #expect(text.damaged == 0)
        rig.supervisor = Supervisor(restoring: text, seed: 1)
        rig.nextPID = 200
        rig.wait(milliseconds: milliseconds)
        return rig
    }

    @Test func aRolloutOfServicesGoesOn() {
        var rig = rig(EarlierStates.services, at: 0)
        let supervisor = rig.supervisor
        #expect(rig.pids == [100, 102, 104, 105, 106, 107, 108, 109])
        #expect(supervisor.plan?.services.map(\.name) == ["db", "web", "stats", "cron"])
        #expect(supervisor.plan?.rollout == .allOrNothing && supervisor.plan?.maximumOldGenerations == 3)
        #expect(supervisor.disabled == ["cron"] && supervisor.restartCounts == ["stats": 1, "web": 1])
        #expect(supervisor.generation == 2 && supervisor.isReloading)
        #expect(supervisor.census.phases == [.ready: 5, .starting: 2, .stopping: 1])
        #expect(supervisor.census.current == Census.Standings(awaited: 1) && supervisor.census.unready == 1)
        rig.wait(milliseconds: 5000)
        rig.send(.resumed)
        #expect(rig.exit(102) == ["answer 1: done 2"])
        #expect(rig.ready(108) == [])
        // The delay of the rollout; then the kept one gets its signal when it is ready, and the command its turn.
        let done = rig.wait(milliseconds: 2000)
        #expect(done.contains("TERM 100") && done.contains("TERM 104") && done.contains("TERM 105"))
        #expect(done.contains("answer 2: done 2") && done.contains("TERM 109"))
        #expect(done.firstIndex(of: "TERM 109") ?? 99 < done.firstIndex(of: "load") ?? 0)
    }

    @Test func aRolloutOfAWorkerIsTriedAgain() {
        var rig = rig(EarlierStates.worker, at: 0, superdaemon())
        #expect(rig.pids == [101] && rig.supervisor.plan?.rollout == .persistent)
        rig.wait(milliseconds: 2000)
        #expect(rig.send(.resumed) == [])
        #expect(rig.wait(milliseconds: 1000) == ["spawn worker"])
        #expect(rig.wait(milliseconds: 1000).contains("answer 2: done 4"))
        #expect(rig.supervisor.generation == 5)
    }

    @Test func oldOnesEndInTheirTime() {
        var rig = rig(EarlierStates.generations, at: 0)
        let census = rig.supervisor.census
        #expect(census.phases == [.stopping: 1, .killed: 1, .executing: 1])
        #expect(census.oldGenerations.counts == [1: 1] && census.adopted.isEmpty)
        #expect(rig.supervisor.hasFailed(service: "web") && rig.supervisor.failedReloads == 1)
        rig.send(.resumed)
        #expect(rig.die(102, by: 9) == [])
        // Its start has a time-out of three seconds, the old one an age of five.
        #expect(rig.wait(milliseconds: 3000) == ["TERM 103", "answer 2: web timed out"])
        #expect(rig.wait(milliseconds: 2000) == ["KILL 100"])
        rig.die(100, by: 9)
        rig.stop()
        #expect(rig.die(103, by: 15) == ["exit 139"])
    }

    @Test func nothingIsLostOnTheWayThroughThisVersion() {
        for state in [EarlierStates.services, EarlierStates.worker, EarlierStates.generations] {
            let first = Supervisor(restoring: saved(state), seed: 1)
            let second = Supervisor(restoring: SavedState(first.records), seed: 2)
            #expect(second.children == first.children && second.records == first.records)
        }
    }
}

/// As a master reads it.
private func saved(_ state: String) -> SavedState {
    let text = RecordText(decoding: Array(state.utf8))
    return SavedState(text.records.map { StateRecord($0.name, $0.values) }, damaged: text.damagedLines)
}
