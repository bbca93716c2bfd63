import Supervision
import Testing

/// `wait ready`, and answers that nobody wants any more.
@Suite(.timeLimit(.minutes(20))) struct WaitTests {
    @Test func whoWaitsForEverythingIsAnsweredWhenAllAreReady() {
        var rig = Rig(master("web", "cron"))
        #expect(rig.send(.waitReady(7)) == [])
        rig.ready(100)
        #expect(rig.ready(101) == ["answer 7: done 1"])
        #expect(rig.send(.waitReady(8)) == ["answer 8: done 1"])
    }

    @Test func aChildThatIsNotReadyIsWaitedFor() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.wait(milliseconds: 5000)
        rig.exit(100, 1)
        #expect(rig.send(.waitReady(7)) == [])
        #expect(rig.ready(101) == ["answer 7: done 1"])
    }

    @Test func aReloadIsWaitedFor() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.reload()
        #expect(rig.send(.waitReady(7)) == [])
        #expect(rig.ready(101) == ["TERM 100", "answer 7: done 2"])
    }

    @Test func aReloadThatFailsFailsWhoWaits() {
        var rig = Rig(master("web"))
        rig.ready(100)
        rig.reload()
        rig.send(.waitReady(7))
        #expect(rig.exit(101, 3) == ["answer 7: web ended with 3"])
    }

    @Test func whatIsOverOrHeldIsNotWaitedFor() {
        var rig = Rig(
            master("web", "cron", "job") {
                $0.services[1].isCritical = false
                $0.services[1].restart.when = .never
            })
        for pid in 100...102 as ClosedRange<Int32> { rig.ready(pid) }
        rig.exit(101, 1)
        rig.command(.stop("job"))
        #expect(rig.send(.waitReady(7)) == ["answer 7: done 1"])
    }

    @Test func nobodyIsAnsweredWhoNoLongerWaits() {
        var rig = Rig(master("web"))
        for requester in 1...4 { rig.send(.waitReady(requester)) }
        rig.command(.restart("web"), 5)
        rig.reload(6)
        for requester in [1, 3, 5, 6] { #expect(rig.send(.forget(requester)) == []) }
        #expect(rig.ready(100) == ["TERM 100", "load", "spawn web"])
        #expect(rig.ready(101) == ["answer 2: done 2", "answer 4: done 2"])
    }

    @Test func aForgottenUpgradeGoesOn() {
        var rig = Rig(plain("web"))
        rig.send(.upgrade(7))
        rig.send(.forget(7))
        #expect(rig.send(.unproven("no")) == [])
    }

    @Test func whoWaitsIsKnownToTheNextImage() {
        var rig = Rig(master("web"))
        rig.send(.waitReady(7))
        rig.restart()
        rig.send(.resumed)
        #expect(rig.ready(100) == ["answer 7: done 1"])
    }

    @Test func whoWaitsForOneChildDoesNotWaitForThoseOfBefore() {
        var rig = Rig(plain("web") { $0.services[0].instances = 2 })
        rig.command(.stop("web"), 1)
        rig.command(.scale("web", 1))
        rig.command(.stop("web"), 2)
        #expect(rig.exit(100) == ["answer 2: done 1"])
        #expect(rig.exit(101) == ["answer 1: done 1"])
    }
}
