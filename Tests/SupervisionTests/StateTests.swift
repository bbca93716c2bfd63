import Simulation
import Supervision
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(20))) struct StateTests {
    /// A master in the middle of everything: old ones, kept ones, a round with two stages, a restart to come.
    private func busy() -> Rig {
        var rig = Rig(
            master("db", "web", "stats") {
                $0.services[1].after = ["db"]
                $0.services[2].onReload = .keep
                $0.services[2].isCritical = false
                $0.services[2].restart.limit = Restart.Limit(count: 5, window: .seconds(60))
                $0.maximumOldGenerations = 3
            })
        for pid in 100...102 as ClosedRange<Int32> { rig.ready(pid) }
        rig.reload(1)
        rig.ready(103)
        rig.ready(104)
        rig.reload(2)
        rig.reload(3)
        rig.exit(101)
        rig.die(102, by: 11)
        return rig
    }

    @Test func everythingSurvivesTheRoundTrip() {
        let rig = busy()
        let state = SavedState(rig.supervisor.records)
        let restored = Supervisor(restoring: state, seed: 2)
        #expect(state.damaged == 0)
        #expect(restored.children == rig.supervisor.children)
        #expect(restored.plan == rig.supervisor.plan)
        #expect(restored.generation == rig.supervisor.generation)
        #expect(restored.isReloading && restored.failedReloads == rig.supervisor.failedReloads)
        #expect(restored.records == rig.supervisor.records)
    }

    @Test func everyRuleOfAPlanSurvives() {
        var service = Service(name: "a b=c%\n~", stopSignal: 3)
        service.instances = 4
        service.readiness = .alive(.milliseconds(250))
        service.startTimeout = .seconds(9)
        service.restart.when = .onFailure
        service.restart.backoff.base = .milliseconds(5)
        service.restart.backoff.maximum = .seconds(77)
        service.restart.backoff.jitter = 33
        service.restart.limit = Restart.Limit(count: 5, window: .seconds(60))
        service.stopTimeout = .seconds(8)
        service.isCritical = false
        service.leadsGroup = false
        var services = [service]
        for (index, onReload) in [OnReload.keep, .signal(12), .restart].enumerated() {
            var other = Service(name: "other \(index)", stopSignal: 15)
            other.onReload = onReload
            other.after = ["a b=c%\n~"]
            services.append(other)
        }
        services[3].after = ["other 0", "other 1"]
        var plan = Plan(services: services)
        plan.rollout = .persistent
        plan.retireDelay = .milliseconds(1500)
        plan.maximumOldGenerations = 7
        plan.maximumOldAge = .seconds(99)
        plan.stopsOnFailure = true
        plan.reloadInterval = .seconds(360)
        plan.reloadsAfterUpgrade = true
        var rig = Rig(plan)
        for pid in 100...106 as ClosedRange<Int32> { rig.ready(pid) }
        #expect(rig.supervisor.plan == plan)
        rig.restart()
        #expect(rig.supervisor.plan == plan)
    }

    @Test func whatANewerVersionWroteIsSkipped() {
        let rig = busy()
        var records = rig.supervisor.records.map { record in
            var record = record
            record["colour"] = "blue"
            return record
        }
        records.insert(StateRecord("weather"), at: 0)
        let restored = Supervisor(restoring: SavedState(records), seed: 2)
        #expect(restored.records == rig.supervisor.records)
    }

    @Test func anEmptyStateIsANewStart() {
        var rig = Rig(master("web"), starts: false)
        rig.supervisor = Supervisor(restoring: SavedState([]), seed: 2)
        #expect(rig.send(.resumed) == ["load", "spawn web"])
    }

    @Test func noChildWithAWholeLineIsForgotten() {
        let rig = busy()
        let records = rig.supervisor.records
        for index in records.indices {
            var rest = records
            let dropped = rest.remove(at: index)
            let restored = Supervisor(restoring: SavedState(rest), seed: 2)
            for pid in rig.pids where dropped.name != "child" || dropped[number: "pid"] != Int(pid) {
                #expect(restored.child(withPID: pid) != nil, "without \(dropped)")
            }
        }
    }

    @Test func aChildWithoutItsPlaceServesUntilTheNextReload() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.restart { $0.name == "slot" || $0.name == "plan" || $0.name == "service" }
        #expect(rig.supervisor.child(withPID: 100)?.isSignalled == false)
        #expect(rig.send(.resumed) == ["load", "spawn web"])
        #expect(rig.ready(101) == ["TERM 100"])
    }

    @Test func aDamagedStateAndAReloadThatFailsKeepWhatServes() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.restart { $0.name != "child" }
        rig.isBroken = true
        #expect(rig.send(.resumed) == ["load"])
        #expect(rig.pids == [100] && rig.supervisor.stopRequest == nil)
        rig.isBroken = false
        rig.reload(7)
        #expect(rig.ready(101) == ["TERM 100", "answer 7: done 2"])
    }

    @Test func aLostChildIsReplacedAndAnAdoptedOneRetiresWithTheNextReload() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.restart { $0.name == "child" }
        rig.supervisor.adopt(pid: 100, at: rig.instant)
        rig.send(.resumed)
        #expect(rig.wait(milliseconds: 0) + [] == [] && rig.pids.count == 2)
        rig.ready(101)
        rig.reload()
        #expect(rig.ready(102) == ["TERM 101", "TERM 100"])
    }

    @Test func aReloadIsAskedForAgainWhenItsLoadWasUnderWay() {
        var rig = Rig(master("web"))
        rig.ready(100)
        _ = rig.supervisor.handle(.reload(7), at: rig.instant)
        rig.restart()
        #expect(rig.send(.resumed) == ["load", "spawn web"])
        #expect(rig.ready(101) == ["TERM 100", "answer 7: done 2"])
    }

    @Test func thePidsOfAStateAreNeverThoseOfEveryone() {
        for pid in ["1", "0", "-1", "-100", "4294967396", "x"] {
            var record = StateRecord("child")
            record["pid"] = pid
            #expect(Supervisor(restoring: SavedState([record]), seed: 2).children.isEmpty)
        }
    }

    // MARK: At random

    @Test(arguments: 0..<4) func aDamagedStateHurtsNobody(part: UInt64) {
        let base = SimulationTests.base &+ part << 32
        for seed in base..<base + 300 {
            let problem = Wreck.run(Seeded(seed))
            #expect(problem == nil, "Wreck.run(Seeded(\(seed)))")
        }
    }

    @Test(arguments: 0..<2) func everyLineAndEveryByteMayBeDamaged(part: UInt64) {
        let seed = SimulationTests.base &+ part << 32
        #expect(Wreck.runEverywhere(Seeded(seed)) == nil, "Wreck.runEverywhere(Seeded(\(seed)))")
    }
}
