import Supervision
import Testing

@testable import masterd

@Suite("Numbers of a configuration", .timeLimit(.minutes(20)))
struct ConfigurationNumbersTests {
    private static let numbers = [
        "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551615", "2147483648",
        "99999999999999999999999999", "-1", "0", "1", "1000", "0x7fffffffffffffff", "1e18", "+1", "",
    ]

    @Test("none makes reading fall, and what is accepted can be planned, saved and counted with", arguments: numbers)
    func extremes(number: String) throws {
        var lines = ["umask \(number)", "restart always limit \(number)/1s", "restart always jitter \(number)%"]
        lines += ["instances \(number)", "stop-signal \(number)", "user \(number)"]
        for unit in ["us", "ms", "s", "m", "h", "d"] {
            let time = number + unit
            lines += ["start-timeout \(time)", "stop-timeout \(time)", "watchdog \(time)", "readiness after \(time)"]
            lines += ["restart always backoff 1us \(time)", "restart always limit 1/\(time)"]
        }
        for line in lines {
            guard mistakes(inWorker(line)).isEmpty else { continue }
            let plan = try read(inWorker(line)).plan()
            let service = plan.services[0]
            _ = service.restart.backoff
            var supervisor = Supervisor(seed: 1)
            _ = supervisor.handle(.start, at: Instant(nanoseconds: .max))
            _ = supervisor.handle(.loaded(plan), at: Instant(nanoseconds: .max))
            for child in supervisor.children.values.map(\.id) {
                _ = supervisor.handle(.spawned(child, pid: Int32(child) + 2), at: Instant(nanoseconds: .max))
                _ = supervisor.handle(.exited(pid: Int32(child) + 2, .exited(1)), at: Instant(nanoseconds: .max))
            }
            _ = Supervisor(restoring: SavedState(supervisor.records), seed: 1)
        }
        for line in ["mworker-max-reloads \(number)", "hard-stop-after \(number)d", "start-timeout \(number)h"] {
            guard mistakes(inGlobal(line)).isEmpty else { continue }
            _ = try read(inGlobal(line)).plan()
        }
        _ = mistakes("listen l\n bind :\(number)\n" + inWorker("listen l"))
        _ = mistakes("listen l\n bind :80 backlog \(number)\n" + inWorker("listen l"))
    }
}
