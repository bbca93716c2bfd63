import Supervision
import TestSupport
import Testing

/// Hostile states: in the thorough tests more than a million. Each is short: this is a debug build.
@Suite(.timeLimit(.minutes(20))) struct StateFuzzTests {
    private static let names = [
        "child", "child", "slot", "service", "plan", "round", "kept", "supervisor", "restarts", "wait", "order",
    ]
    private static let keys = [
        "pid", "id", "slot", "service", "generation", "index", "phase", "stage", "services", "slots", "current", "role",
        "round", "number", "deadline", "restartAt", "instances", "child", "retired", "counter", "restarts", "count",
        "requester", "verb", "goal", "lastAccepted", "reloadDue", "reloadInterval", "retireDelay", "startTimeout",
        "stopTimeout", "backoffBase", "backoffMaximum", "jitter", "limit", "window", "watchdog", "failures",
        "lastSpawn", "delayUntil", "groupID", "told", "stopSignal", "lastGeneration", "committed", "endBy", "spawnedAt",
    ]
    private static let values = [
        "-1", "0", "1", "2", "3", "-100", "9223372036854775807", "-9223372036854775808", "4294967297", "2147483647",
        "-2147483648", "x", "", "1,2", "1,1", "0,9223372036854775807", "ready", "starting", "current", "round", "on",
    ]

    /// Whole records with values that nobody wrote.
    @Test(arguments: 0..<8 as Range<UInt64>) func noStateMakesTheEngineFallOrGivesItAStranger(seed: UInt64) {
        var random = Seeded(seed)
        for _ in 0..<rounds(130_000) {
            var records: [StateRecord] = []
            for _ in 0...random.next() % 3 {
                var record = StateRecord(Self.names[Int(random.next() % UInt64(Self.names.count))])
                for _ in 0...random.next() % 4 {
                    let key = Self.keys[Int(random.next() % UInt64(Self.keys.count))]
                    record[key] = Self.values[Int(random.next() % UInt64(Self.values.count))]
                }
                records.append(record)
            }
            var supervisor = Supervisor(restoring: SavedState(records), seed: 2)
            guard supervisor.children.values.allSatisfy({ $0.pid > 1 }) else {
                Issue.record("seed \(seed): \(records)")
                return
            }
            // It says its state again, and goes on.
            if random.next() % 64 == 0 {
                _ = supervisor.records
                _ = supervisor.handle(.resumed, at: Instant(nanoseconds: 1))
                for moment in [1, Int64.max / 2, .max] {
                    for event in [Event.timer, .extend(pid: 2, .seconds(Int64.max)), .heartbeat(pid: 2), .reload(1)] {
                        _ = supervisor.handle(event, at: Instant(nanoseconds: moment))
                    }
                    _ = supervisor.handle(.exited(pid: 2, .exited(1)), at: Instant(nanoseconds: moment))
                }
            }
        }
    }
}
