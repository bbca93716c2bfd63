import DaemonKit

/// Clients that had to wait because no descriptor was left: told once a second at most, with their number.
struct Refusals {
    private var count = 0
    private var lastTold: ContinuousClock.Instant?

    mutating func add(_ error: DaemonError, _ log: Log) {
        count += 1
        let now = ContinuousClock.now
        if let lastTold, now - lastTold < .seconds(1) { return }
        log.warning("\(error); clients wait", metadata: ["times": "\(count)"])
        count = 0
        lastTold = now
    }
}
