import Supervision
import Testing

@Suite(.timeLimit(.minutes(20))) struct OldGenerationTests {
    @Test func theOldestAreKilledWhenThereAreTooMany() {
        var rig = Rig(master("web") { $0.maximumOldGenerations = 2 })
        rig.ready(100)
        for pid in 101...102 as ClosedRange<Int32> {
            rig.reload()
            #expect(rig.ready(pid) == ["TERM \(pid - 1)"])
        }
        rig.reload()
        #expect(rig.ready(103) == ["TERM 102", "KILL 100"])
        rig.reload()
        #expect(rig.ready(104) == ["TERM 103", "KILL 101"])
    }

    @Test func anOldGenerationGrowsOnlySoOld() {
        var rig = Rig(
            master("web") {
                $0.maximumOldAge = .seconds(3)
                $0.services[0].stopTimeout = nil
            })
        rig.ready(100)
        rig.reload()
        rig.ready(101)
        #expect(rig.wait(milliseconds: 2999) == [])
        #expect(rig.wait(milliseconds: 1) == ["KILL 100"])
    }

    @Test func theStopTimeOutMayBeShorterThanTheAge() {
        var rig = Rig(master("web") { $0.maximumOldAge = .seconds(60) })
        rig.ready(100)
        rig.reload()
        rig.ready(101)
        #expect(rig.wait(milliseconds: 10_000) == ["KILL 100"])
    }

    @Test func hangingStartsAreBoundedToo() {
        var rig = Rig(
            master("worker") {
                $0.rollout = .persistent
                $0.maximumOldGenerations = 1
                $0.services[0].stopTimeout = nil
            })
        #expect(rig.wait(milliseconds: 60_000) == ["TERM 100", "spawn worker"])
        #expect(rig.wait(milliseconds: 60_000) == ["TERM 101", "KILL 100", "spawn worker"])
        #expect(rig.wait(milliseconds: 60_000) == ["TERM 102", "KILL 101", "spawn worker"])
    }

    @Test func aChildThatWasOnItsWayWhenItsRoundFailedIsBoundedToo() {
        var rig = Rig(plain("a", "b"))
        rig.configuration.maximumOldGenerations = 0
        rig.reload()
        rig.die(100, by: 9)
        rig.die(101, by: 9)
        rig.failingSpawns = [11]
        #expect(rig.reload(7).suffix(3) == ["answer 7: a not spawned: 11", "TERM 104", "KILL 104"])
    }

    @Test func theGenerationsOfAttemptsAreToldInOrder() {
        var rig = Rig(superdaemon())
        rig.wait(milliseconds: 1000)
        for pid in 101...103 as ClosedRange<Int32> {
            rig.reload()
            rig.wait(milliseconds: 1000)
            #expect(rig.supervisor.child(withPID: pid)?.generation == Int(pid) - 99)
        }
        #expect(rig.pids == [100, 101, 102, 103])
    }

    @Test func theRestartOfACurrentChildKeepsItsGeneration() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.wait(milliseconds: 5000)
        rig.isBroken = true
        rig.reload()
        rig.isBroken = false
        rig.reload()
        rig.exit(101, 1)
        rig.exit(100, 1)
        #expect(rig.supervisor.child(withPID: 102)?.generation == 1)
    }

    @Test func aKeptProgramIsAsOldAsTheGenerationInWhichItRetires() {
        var rig = Rig(
            master("web", "kept") {
                $0.maximumOldGenerations = 2
                $0.services[1].onReload = .keep
            })
        rig.ready(100)
        rig.ready(101)
        rig.reload()
        #expect(rig.ready(102) == ["TERM 100"])
        rig.reload()
        #expect(rig.ready(103) == ["TERM 102"])
        rig.configuration.services.removeLast()
        rig.reload()
        #expect(rig.ready(104) == ["TERM 101", "TERM 103", "KILL 100"])
    }

    @Test func whoTakesThePlaceOfAKeptProgramIsOfTheGenerationInForce() {
        var rig = Rig(master("web", "kept") { $0.services[1].onReload = .keep })
        rig.ready(100)
        rig.ready(101)
        rig.reload()
        rig.ready(102)
        rig.wait(milliseconds: 5000)
        rig.exit(101, 1)
        #expect(rig.supervisor.child(withPID: 103)?.generation == 2)
    }
}
