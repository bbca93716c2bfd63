import Supervision
import Testing

@Suite(.timeLimit(.minutes(20))) struct UpgradeTests {
    private func serving(_ change: (inout Plan) -> Void = { _ in }) -> Rig {
        var rig = Rig(master("web", change: change))
        rig.ready(100)
        return rig
    }

    @Test func theNewExecutableProvesItselfFirst() {
        var rig = serving()
        #expect(rig.send(.upgrade(7)) == ["prove"])
        #expect(rig.send(.proven) == ["exec"])
    }

    @Test func anExecutableThatCannotProveItselfIsRefused() {
        var rig = serving()
        rig.send(.upgrade(7))
        #expect(rig.send(.unproven("exit status 1")) == ["answer 7: not upgraded: exit status 1"])
        #expect(rig.pids == [100] && rig.supervisor.generation == 1)
        #expect(rig.send(.upgrade(8)) == ["prove"])
    }

    @Test func anExecThatFailsChangesNothing() {
        var rig = serving()
        rig.send(.upgrade(7))
        rig.send(.proven)
        #expect(rig.send(.execFailed("text busy")) == ["answer 7: not upgraded: text busy"])
        #expect(rig.reload() == ["load", "spawn web"])
    }

    @Test func upgradesThatMeetShareTheResult() {
        var rig = serving()
        rig.send(.upgrade(7))
        #expect(rig.send(.upgrade(8)) == [])
        #expect(rig.send(.unproven("no")) == ["answer 7: not upgraded: no", "answer 8: not upgraded: no"])
    }

    @Test func theNewImageAnswersWhoAskedTheOldOne() {
        var rig = serving()
        rig.send(.upgrade(7))
        rig.send(.proven)
        rig.restart()
        #expect(rig.send(.resumed) == ["answer 7: done 1"])
        #expect(rig.pids == [100])
    }

    @Test func anUpgradeMayBeFollowedByAReload() {
        var rig = serving { $0.reloadsAfterUpgrade = true }
        rig.send(.upgrade(7))
        rig.send(.proven)
        rig.restart()
        #expect(rig.send(.resumed) == ["load", "spawn web"])
        #expect(rig.ready(101) == ["TERM 100", "answer 7: done 2"])
    }

    @Test func aRoundGoesOnInTheNewImage() {
        var rig = serving()
        rig.reload(1)
        rig.reload(2)
        rig.send(.upgrade(7))
        rig.send(.proven)
        rig.restart()
        #expect(rig.send(.resumed) == ["answer 7: done 2"])
        #expect(rig.ready(101) == ["TERM 100", "answer 1: done 2", "load", "spawn web"])
        #expect(rig.ready(102) == ["TERM 101", "answer 2: done 3"])
    }

    @Test func timeOutsGoOnInTheNewImage() {
        var rig = serving()
        rig.reload(1)
        rig.wait(milliseconds: 30_000)
        rig.restart()
        #expect(rig.wait(milliseconds: 29_999) == [])
        #expect(rig.wait(milliseconds: 1) == ["TERM 101", "answer 1: web timed out"])
        rig.restart()
        #expect(rig.wait(milliseconds: 10_000) == ["KILL 101"])
    }

    @Test func aChildThatDiesDuringTheExecIsReapedAndReplacedAfterIt() {
        var rig = serving()
        rig.wait(milliseconds: 5000)
        rig.restart()
        rig.send(.resumed)
        #expect(rig.die(100, by: 11) == ["spawn web"])
    }

    @Test func aRestartsPauseGoesOnInTheNewImage() {
        var rig = Rig(plain("web"))
        rig.exit(100, 1)
        rig.restart()
        #expect(rig.wait(milliseconds: 99) == [])
        #expect(rig.wait(milliseconds: 1) == ["spawn web"])
    }

    @Test func theRestartLimitIsRememberedByTheNewImage() {
        var rig = Rig(plain("web") { $0.services[0].restart.limit = Restart.Limit(count: 1, window: .seconds(60)) })
        rig.exit(100, 3)
        rig.wait(milliseconds: 1000)
        rig.restart()
        #expect(rig.exit(101, 3) == ["exit 3"])
    }

    /// What is due at the very moment of the proof is done first: the new image knows nothing of a spawn under way.
    @Test func anExecWaitsForSpawns() {
        var rig = Rig(plain("web"))
        rig.exit(100, 1)
        rig.send(.upgrade(7))
        let actions = rig.supervisor.handle(.proven, at: Instant(nanoseconds: 1_000_000_000))
        guard case .spawn(let child)? = actions.first else { return #expect(Bool(false)) }
        #expect(!actions.contains(.exec))
        let later = rig.supervisor.handle(.spawned(child.id, pid: 101), at: Instant(nanoseconds: 1_000_000_000))
        #expect(later.last == .exec)
    }

    @Test func anExecWaitsForALoad() {
        var rig = serving { $0.reloadInterval = .seconds(10) }
        rig.send(.upgrade(7))
        let actions = rig.supervisor.handle(.proven, at: Instant(nanoseconds: 20_000_000_000))
        #expect(actions.contains(.load) && !actions.contains(.exec))
        let later = rig.supervisor.handle(.loadFailed("unreadable"), at: Instant(nanoseconds: 20_000_000_000))
        #expect(later.last == .exec)
    }

    @Test func aProofThatNobodyAskedForMeansNothing() {
        var rig = serving()
        #expect(rig.send(.proven) == [])
        #expect(rig.send(.unproven("no")) == [])
    }
}
