import Unix

/// How long a log may still wait for its reader: spent by waiting, and earned back by what the reader takes. So one that
/// takes nothing, or next to nothing, costs a bounded time in all, and one that takes 64 KiB a second is waited for as long
/// as it goes on.
struct WaitCredit {
    private static let most = Duration.seconds(2)
    private static let perByte = Duration.nanoseconds(15_000)

    private(set) var left = most

    /// Waits by `body`, no longer than it is told.
    mutating func spend<Result>(_ patience: Duration, _ body: (Duration) -> Result) -> Result {
        let start = MonotonicTime.now
        // bounded: two durations of this process's life
        defer { left = max(.zero, left - (MonotonicTime.now - start)) }
        return body(min(patience, left))
    }

    mutating func earn(_ bytes: Int) {
        guard left < Self.most else { return }
        left = min(Self.most, left + Self.perByte * min(bytes, 1 << 20))  // bounded: a MiB at the most
    }
}
