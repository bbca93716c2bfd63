import Supervision
import Testing

/// The jitter of restarts: a sequence of its own for each seed, and one that an exec does not begin anew.
@Suite(.timeLimit(.minutes(20))) struct JitterTests {
    private func rig(seed: UInt64) -> Rig {
        var rig = Rig(plain("web") { $0.services[0].restart.backoff.jitter = 100 }, starts: false)
        rig.supervisor = Supervisor(seed: seed)
        rig.send(.start)
        return rig
    }

    /// The pauses before so many restarts, in nanoseconds.
    private func pauses(_ rig: inout Rig, _ count: Int) -> [Int64] {
        (0..<count).map { _ in
            rig.exit(rig.nextPID - 1, 1)
            let due = rig.supervisor.nextDeadline()?.nanoseconds ?? 0
            let pause = due - rig.instant.nanoseconds
            rig.wait(milliseconds: pause / 1_000_000 + 1)
            return pause
        }
    }

    @Test func twoMastersDoNotRestartInStep() {
        var (one, other) = (rig(seed: 1), rig(seed: 2))
        let (first, second) = (pauses(&one, 20), pauses(&other, 20))
        #expect(zip(first, second).count { $0 != $1 } > 15)
    }

    @Test func theSameSeedIsTheSameJitter() {
        var (one, other) = (rig(seed: 7), rig(seed: 7))
        #expect(pauses(&one, 20) == pauses(&other, 20))
    }

    @Test func theNextImageGoesOnWhereThisOneWas() {
        var original = rig(seed: 7)
        _ = pauses(&original, 5)
        var restored = original
        restored.restart()
        #expect(pauses(&original, 20) == pauses(&restored, 20))
    }

    /// Earlier versions seeded every master with the same number.
    @Test func aStateWithoutASeedOfItsOwnGetsOne() {
        let original = rig(seed: 7)
        let records = original.supervisor.records.map { record in
            var record = record
            if record["jitter"] != nil, record.name == "supervisor" { record["jitter"] = nil }
            record["random"] = "11400714819323198485"
            return record
        }
        var (one, other) = (original, original)
        one.supervisor = Supervisor(restoring: SavedState(records), seed: 1)
        other.supervisor = Supervisor(restoring: SavedState(records), seed: 2)
        #expect(pauses(&one, 20) != pauses(&other, 20))
    }
}
