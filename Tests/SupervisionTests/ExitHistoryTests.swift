import Testing

@testable import Supervision

@Suite(.timeLimit(.minutes(20))) struct ExitHistoryTests {
    private let identity = Life.Identity(pid: 100, group: nil)
    private var ready: Life { .ready(identity, since: Instant(nanoseconds: 0), heartbeatBy: nil) }

    private func stopped(by signal: Int32) -> Life {
        var life = ready
        _ = life.stopped(by: signal, killAt: nil, latest: nil)
        return life
    }

    @Test func theFirstFailureCounts() {
        var exits = ExitHistory.running(firstBad: nil)
        exits.failed(.signaled(11, dumpedCore: true))
        exits.failed(.exited(3))
        #expect(exits.code(asked: 0) == 139)
        exits.stopBegins()
        exits.ended(.exited(4), of: ready)
        #expect(exits.code(asked: 0) == 139)
        #expect(exits.code(asked: 130) == 139)
    }

    @Test(arguments: [(0, 0), (130, 0), (143, 0), (1, 1), (255, 255)])
    func goodCodesAreNoFailures(code: Int32, expected: Int32) {
        var exits = ExitHistory.running(firstBad: nil)
        exits.failed(.exited(code))
        #expect(exits.code(asked: 0) == expected)
    }

    @Test func whatWeSentIsNoFailure() {
        var exits = ExitHistory.stopping(before: nil, during: nil)
        exits.ended(.signaled(3, dumpedCore: true), of: stopped(by: 3))
        var killed = stopped(by: 3)
        _ = killed.killed()
        exits.ended(.signaled(9, dumpedCore: false), of: killed)
        #expect(exits.code(asked: 0) == 0)
        exits.ended(.signaled(11, dumpedCore: false), of: stopped(by: 15))
        exits.ended(.exited(7), of: ready)
        #expect(exits.code(asked: 0) == 139)
        #expect(exits.code(asked: 130) == 130)
    }

    @Test func aRolloutThatSucceedsForgets() {
        var exits = ExitHistory.running(firstBad: 139)
        exits.rolloutSucceeded()
        #expect(exits.code(asked: 0) == 0)
    }
}
